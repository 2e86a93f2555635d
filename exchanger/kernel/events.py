"""What travels from the web workers to the telegram process: one event, signed over its time and its bytes."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from exchanger.kernel import signing
from exchanger.kernel.cache.codec import decode, encode

PATH = "/internal/events"
TIMESTAMP_HEADER = "Exchanger-Timestamp"
SIGNATURE_HEADER = "Exchanger-Signature"
WINDOW_SECONDS = 60


class WrongEvent(ValueError):
    """The bytes are no event."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an order; events of one order are numbered from 1 without gaps.

    ``data`` holds what the event's type promises; amounts are decimal strings. ``occurred_at`` is aware.
    """

    id: UUID
    order_id: UUID
    sequence: int
    user_id: UUID | None
    type: str
    data: dict[str, Any]
    occurred_at: datetime

    def to_bytes(self) -> bytes:
        return encode(
            {
                "id": self.id,
                "order_id": self.order_id,
                "sequence": self.sequence,
                "user_id": self.user_id,
                "type": self.type,
                "data": self.data,
                "occurred_at": self.occurred_at,
            }
        )

    @classmethod
    def from_bytes(cls, body: bytes) -> "Event":
        """The event that ``to_bytes`` wrote.

        Raises:
            WrongEvent: it is something else.
        """
        try:
            found = decode(body)
            sequence, kind, data, occurred_at = (found[name] for name in ("sequence", "type", "data", "occurred_at"))
            if not isinstance(sequence, int) or not isinstance(kind, str) or not isinstance(data, dict):
                raise WrongEvent("sequence, type and data must be a number, a text and an object")
            return cls(
                id=UUID(found["id"]),
                order_id=UUID(found["order_id"]),
                sequence=sequence,
                user_id=UUID(found["user_id"]) if found["user_id"] else None,
                type=kind,
                data=data,
                occurred_at=datetime.fromisoformat(occurred_at),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WrongEvent(f"not an event: {error!r}") from error


def signed_headers(body: bytes, *, secret: str, now: float | None = None) -> dict[str, str]:
    """The headers that carry a body's signature; ``now`` is in seconds since 1970."""
    timestamp = str(int(time.time() if now is None else now))
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signing.sign(body, secret=secret, timestamp=timestamp)}


def is_signed(body: bytes, *, timestamp: str, signature: str, secret: str, now: float | None = None) -> bool:
    """Whether the secret's holder signed this body less than ``WINDOW_SECONDS`` ago; compared in constant time."""
    return signing.is_signed(
        body, timestamp=timestamp, signature=signature, secret=secret, window=WINDOW_SECONDS, now=now
    )
