"""What the older platform's stores hold under a session's key: whose it is, until when, and what else it says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from exchanger.kernel.cache.codec import decode
from exchanger.kernel.legacy_ids import uuid_of
from identity.old_sessions.pickles import plain_values

USERS, DJANGO_USERS = "users", "auth_user"
"""The old tables that numbers of people are of: any other platform's, and Django's."""

_PICKLE = b"\x80"  # how each pickle of protocol 2 and later begins
# Where express applications keep whose session it is; passport's comes first.
_USER_PATHS = (("passport", "user"), ("userId",), ("user_id",), ("user",))
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_MILLISECONDS = 1e11  # a number of seconds beyond this would be in the year 5138


class Unreadable(ValueError):
    """A value of which no session can be made; the message says why, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class OldSession:
    """A person's session as the older platform had it.

    ``expires_at`` (aware) is what the value itself says, None where it says nothing. ``auth_hash`` is Django's proof
    that it was opened with the present password, None for platforms that have no such thing. ``fields`` is what else
    it holds. ``signed``: it is express-session's, whose cookies are signed.
    """

    user_id: UUID
    expires_at: datetime | None
    auth_hash: str | None
    fields: dict[str, Any]
    signed: bool = False


def read_value(value: bytes) -> OldSession:
    """A session of whichever kind: express' JSON, Django's pickle or JSON, or JSON with ``userId`` and ``expiresAt``.

    Raises:
        Unreadable: it is none of them, or nobody's.
    """
    try:
        data = plain_values(value) if value.startswith(_PICKLE) else decode(value)
    except ValueError as error:
        raise Unreadable(f"it cannot be read: {error}" if value.startswith(_PICKLE) else "it is not JSON") from error
    return read_data(data)


def read_data(data: Any) -> OldSession:
    """A session that has been decoded; raises Unreadable."""
    if not isinstance(data, dict):
        raise Unreadable("it is no object")
    return _of_django(data) if SESSION_KEY in data else _of_javascript(data)


def user_uuid(user: Any, table: str) -> UUID:
    """Who an old platform's id is here: the same UUID, or the one that a number becomes at the import.

    Raises:
        Unreadable: it is neither.
    """
    text = str(user)
    if isinstance(user, int | str) and not isinstance(user, bool) and _NUMBER.fullmatch(text):
        return uuid_of(table, text)
    try:
        return UUID(text)
    except ValueError:
        raise Unreadable("its user's id is neither a UUID nor a number") from None


def _of_django(data: dict[str, Any]) -> OldSession:
    auth_hash = data.get(HASH_SESSION_KEY)
    if not isinstance(auth_hash, str):
        raise Unreadable("it does not say with which password it was opened")
    own = {SESSION_KEY, HASH_SESSION_KEY, BACKEND_SESSION_KEY}
    fields = {str(name): value for name, value in data.items() if name not in own}
    return OldSession(user_uuid(data[SESSION_KEY], DJANGO_USERS), None, auth_hash, fields)


def _of_javascript(data: dict[str, Any]) -> OldSession:
    user = next((found for path in _USER_PATHS if (found := _at(data, path)) is not None), None)
    if isinstance(user, Mapping):
        user = user.get("id")
    if user is None:
        raise Unreadable("nobody is logged in")
    cookie = data.get("cookie")
    ends = [_moment(data.get("expiresAt")), _moment(cookie.get("expires") if isinstance(cookie, dict) else None)]
    fields = {name: value for name, value in data.items() if name not in {"cookie", "passport", "userId", "expiresAt"}}
    end = min(filter(None, ends), default=None)
    return OldSession(user_uuid(user, USERS), end, None, fields, signed=isinstance(cookie, dict))


def _at(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = data
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _moment(value: Any) -> datetime | None:
    """ISO 8601 (UTC where it has no zone), or a number of seconds or milliseconds; raises Unreadable."""
    if value is None or isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
        moment = datetime.fromisoformat(str(value))
        # In UTC, since PostgreSQL knows fewer offsets than Python, and years that Python does not.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Unreadable("its end is no time") from None
