"""On whose behalf something is done, and from where."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from exchanger.kernel.origin import Origin, origin_of

NOBODY = UUID(int=0)  # stands in ``admin_id``, which is NOT NULL, for who has not proved who they are
UNKNOWN = Origin()


@dataclass(frozen=True, slots=True)
class Actor:
    """``admin_id`` is a person of the identity database, or NOBODY; ``request`` is the one that brought them."""

    admin_id: UUID
    origin: Origin = UNKNOWN
    request: HttpRequest | None = None


def actor_of(request: Any) -> Actor:
    """The person behind a request, Django's or REST framework's; NOBODY where nobody is logged in."""
    plain: HttpRequest = getattr(request, "_request", request)
    return Actor(getattr(request.user, "pk", None) or NOBODY, origin_of(plain), plain)
