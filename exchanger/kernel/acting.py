"""The token with which the bot makes one request to web in a linked client's name: ``Authorization: Bot <token>``.

It is signed over who acts for whom, the method, the path with its query, the Idempotency-Key and the body, so it is
good for that request alone; for a minute, by both clocks; and once, which the receiver sees to by the token's id.
"""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

from exchanger.kernel import signing
from exchanger.kernel.cache.codec import encode

SCHEME = "Bot"
LIFE_SECONDS = 60
KEY_HEADER = "Idempotency-Key"
_TOKEN = re.compile(
    r"(?P<time>[0-9]{1,12})\.(?P<id>[0-9a-f]{32})\.(?P<user>[0-9a-f]{32})\.(?P<telegram>[1-9][0-9]{0,18})"
    r"\.(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its token signs it. ``path`` comes with its query, ``key`` is the Idempotency-Key ("" for none)."""

    method: str
    path: str
    body: bytes = b""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ActingToken:
    """What a token says: the person ``user_id`` acts through the Telegram account ``telegram_user_id``.

    ``id`` is another in each token; it is what makes it good once.
    """

    id: UUID
    user_id: UUID
    telegram_user_id: int

    @classmethod
    def make(cls, *, user_id: UUID, telegram_user_id: int) -> "ActingToken":
        return cls(UUID(bytes=secrets.token_bytes(16)), user_id, telegram_user_id)

    def sign(self, call: Call, *, secret: str, now: float | None = None) -> str:
        """The token's text for one request; ``now`` is in seconds since 1970."""
        timestamp = str(int(time.time() if now is None else now))
        signature = signing.sign(self._signed(call), secret=secret, timestamp=timestamp)
        return f"{timestamp}.{self.id.hex}.{self.user_id.hex}.{self.telegram_user_id}.{signature}"

    @classmethod
    def verified(cls, text: str, call: Call, *, secret: str, now: float | None = None) -> "ActingToken | None":
        """What ``text`` says, if the secret's holder signed it for this very request a minute ago at most.

        None tells nobody which part is wrong. Whether the token was used before is for the caller to see.
        """
        found = _TOKEN.fullmatch(text)
        if found is None:
            return None
        token = cls(UUID(found["id"]), UUID(found["user"]), int(found["telegram"]))
        signed = signing.is_signed(
            token._signed(call),
            timestamp=found["time"],
            signature=found["signature"],
            secret=secret,
            window=LIFE_SECONDS,
            now=now,
        )
        return token if signed else None

    def _signed(self, call: Call) -> bytes:
        """All parts in one JSON list: where one ends and the next begins is part of it."""
        digest = hashlib.sha256(call.body).hexdigest()
        who = [self.id.hex, self.user_id.hex, str(self.telegram_user_id)]
        return encode(["exchanger.acting", *who, call.method, call.path, call.key, digest])
