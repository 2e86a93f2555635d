"""What an older platform's sessions look like, as far as the environment tells it: their cookies, keys and secrets."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from exchanger.kernel.contexts import Context


class CookieKind(StrEnum):
    """How an old cookie carries the session's key: signed by express-session, Django's own, or as it is."""

    EXPRESS = "express"
    DJANGO = "django"
    TOKEN = "token"  # noqa: S105 (not one, but a kind of them)


# Where the usual stores keep a session: connect-redis, Django's cache, and keys without a namespace.
KEY_PREFIXES = {
    CookieKind.EXPRESS: "sess:",
    CookieKind.DJANGO: ":1:django.contrib.sessions.cache",
    CookieKind.TOKEN: "session:",
}


@dataclass(frozen=True, slots=True)
class OldCookie:
    """A cookie of the older platform, the one application whose sessions it carries, and their keys' beginning."""

    name: str
    context: Context
    kind: CookieKind
    prefix: str


@dataclass(frozen=True, slots=True)
class OldPlatform:
    """What a process needs to take over old sessions.

    ``cookies`` are those of its own context. ``cookie_secrets`` verify express' signatures, and ``secret_keys`` are the
    old Django's; several, for rotation. ``redis_url``, where there are cookies, opens the window in which unknown
    sessions are looked up in the old Redis; ``removes`` has them deleted there. ``until`` (aware) is when the older
    platform stopped to serve: the old sessions of people who have changed their passwords since are not taken.
    """

    cookies: tuple[OldCookie, ...] = ()
    cookie_secrets: tuple[str, ...] = ()
    secret_keys: tuple[str, ...] = ()
    redis_url: str = ""
    removes: bool = False
    until: datetime | None = None
