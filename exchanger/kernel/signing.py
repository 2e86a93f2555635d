"""A body signed over the time at which it was sent: HMAC-SHA256 by a secret that both sides share."""

import hmac
import time


def sign(body: bytes, *, secret: str, timestamp: str) -> str:
    """The hexadecimal signature of the timestamp (seconds since 1970), a dot and the body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, "sha256").hexdigest()


def is_signed(
    body: bytes, *, timestamp: str, signature: str, secret: str, window: float, now: float | None = None
) -> bool:
    """Whether the secret's holder signed this body at most ``window`` seconds ago (or ahead); in constant time."""
    expected = sign(body, secret=secret, timestamp=timestamp)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return False
    # The same signature is good for a timestamp that takes the body up to another dot.
    return timestamp.isdecimal() and abs((time.time() if now is None else now) - int(timestamp)) <= window
