"""The key of an old session: how its cookie carries it, and what becomes of it here."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from exchanger.kernel.old_sessions import CookieKind, OldCookie

_MOVED = b"exchanger old session"
_NEW_KEY_SALT = "identity.old_session"
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class OldKey:
    """The key of an old session, and the cookie that brought it."""

    key: str
    cookie: OldCookie

    @property
    def moved_id(self) -> str:
        return moved_id(self.key)

    @property
    def new_key(self) -> str:
        """The key under which the session goes on.

        Whoever comes with the same old cookie at the same moment, as a browser's tabs do, is given the same one. Only
        the platform can work it out: who has read the old Redis cannot.
        """
        return salted_hmac(_NEW_KEY_SALT, self.key, algorithm="sha256").hexdigest()

    @property
    def place(self) -> str:
        """The key in the old Redis."""
        return self.cookie.prefix + self.key


def moved_id(key: str) -> str:
    """The id that an old session's row has until its cookie is shown; no cookie of ours can have a key of this id."""
    return hmac.new(_MOVED, key.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def is_key(key: str) -> bool:
    """Whether it could be a session's key at all."""
    return 0 < len(key) <= _LONGEST and key.isprintable()


def find_old_key(request: HttpRequest) -> OldKey | None:
    """The first of this context's old cookies that the request has, if its signature is good."""
    for cookie in settings.OLD_PLATFORM.cookies:
        value = request.COOKIES.get(cookie.name)
        if value is None:
            continue
        key = _unsigned(unquote(value)) if cookie.kind is CookieKind.EXPRESS else value
        if key is not None and is_key(key):
            return OldKey(key, cookie)
    return None


def _unsigned(value: str) -> str | None:
    """The key in express' ``s:<key>.<signature>``; None where no secret of ours has signed it."""
    key, _, signature = value.removeprefix("s:").rpartition(".")
    if not value.startswith("s:") or not key:
        return None
    secrets = settings.OLD_PLATFORM.cookie_secrets
    return key if any(constant_time_compare(signature, _signature(key, secret)) for secret in secrets) else None


def _signature(key: str, secret: str) -> str:
    """As the package cookie-signature makes it: HMAC-SHA256 in base64 without its padding."""
    digest = hmac.new(secret.encode(), key.encode(errors="surrogatepass"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode().rstrip("=")
