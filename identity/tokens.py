"""Tokens that a mail carries to its reader: signed, short-lived, and good only while what they were made of holds.

A token is nowhere stored. It names a person and holds a digest of the person's state at the time (the address; for a
reset also the moment of the last change of password), so a change of that state is the end of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from identity.models import User

HOUR = 3600


class DeadToken(ValueError):
    """A token that has expired, was used, was made for another address, or is not one of ours."""

    def __init__(self) -> None:
        super().__init__("This link has expired, has been used, or is incomplete: ask for a new one.")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token of ours says: ``fits`` tells whether it still holds of the person, as PostgreSQL has them now."""

    purpose: "Purpose"
    user_id: UUID
    mark: str

    def fits(self, user: User) -> bool:
        return constant_time_compare(self.mark, self.purpose.mark(user))


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a token is for. ``name`` keeps purposes apart, ``seconds`` is its life, ``state`` what it is bound to."""

    name: str
    seconds: int
    state: Callable[[User], str]

    def mark(self, user: User) -> str:
        return salted_hmac(self.name, self.state(user), algorithm="sha256").hexdigest()

    def make(self, user: User) -> str:
        """A token for ``user``, whose life begins now; safe in a URL."""
        return signing.dumps({"user": str(user.pk), "mark": self.mark(user)}, salt=self.name)

    def read(self, token: str) -> Claim:
        """Raises DeadToken: it is not of this purpose, or is too old."""
        try:
            claims = signing.loads(token, salt=self.name, max_age=self.seconds)
        except (signing.BadSignature, ValueError):
            raise DeadToken from None
        return Claim(self, UUID(claims["user"]), claims["mark"])


VERIFICATION = Purpose("identity.verification", 24 * HOUR, lambda user: user.email)
RESET = Purpose("identity.reset", HOUR, lambda user: f"{user.email} {user.password_changed_at.isoformat()}")
