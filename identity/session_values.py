"""A session as the two stores hold it, and the id that both know it by. Neither holds a usable token."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from exchanger.kernel.cache.codec import encode
from exchanger.kernel.cache.leases import Loaded
from identity.session_rows import SessionRow

# What the cached value carries beside the session's own data; the version comes first, where a write-through looks.
RESERVED = ("version", "userId", "expiresAt", "createdAt")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # the escape itself, not a backslash followed by u0000


def stored_id(session_key: str) -> str:
    """What both stores know a session by: the SHA-256 of its key, in hex."""
    return hashlib.sha256(session_key.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Held:
    """A session as either store holds it: its data, whose it is (None: nobody's), and its times (aware UTC)."""

    data: dict[str, Any]
    user_id: str | None
    expires_at: datetime
    created_at: datetime
    version: int

    @classmethod
    def of_cached(cls, value: Any) -> Self:
        """Raises TypeError, KeyError, ValueError: the value is not what ``loaded`` makes."""
        data = dict(value)
        version, user_id = data.pop("version"), data.pop("userId")
        if not isinstance(version, int) or not isinstance(user_id, str | None):
            raise TypeError("not a session")
        return cls(data, user_id, _moment(data.pop("expiresAt")), _moment(data.pop("createdAt")), version)

    @classmethod
    def of_row(cls, row: SessionRow) -> Self:
        data = {name: item for name, item in row.data.items() if name not in RESERVED}
        return cls(data, row.user_id, row.expires_at, row.created_at, row.version)

    def loaded(self) -> Loaded:
        value = {
            "version": self.version,
            "userId": self.user_id,
            "expiresAt": self.expires_at.isoformat(),
            "createdAt": self.created_at.isoformat(),
            **self.data,
        }
        return Loaded(value, self.expires_at)


def encoded_data(data: dict[str, Any]) -> bytes:
    """The data as JSON; refuses what one of the two stores could not keep, before either is asked."""
    taken = [name for name in RESERVED if name in data]
    if taken:
        raise ValueError(f"A session cannot hold '{taken[0]}': the cached value needs this name for itself.")
    encoded = encode(data)
    if b"\\u0000" in encoded and _NUL.search(encoded):
        raise ValueError("A session cannot hold the character NUL (U+0000): jsonb has no place for it.")
    return encoded


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a session's times are aware")
    return moment
