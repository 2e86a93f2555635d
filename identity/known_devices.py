"""The browser that an account has been logged in to: a signed cookie, so that others' failures cannot lock it out.

The cookie opens nothing and replaces no password. It names an account by a keyed digest of its address, and carries a
random mark of its own; it is good in the context that signed it, whose SECRET_KEY no other has.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from exchanger.kernel.contexts import Context, current
from identity.models import User

DEVICE_SECONDS = 180 * 24 * 3600


def device_remember(response: HttpResponse, *, email: str) -> None:
    """Mark the browser that gets ``response`` as one in which the account of ``email`` has logged in."""
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps({"account": _account(email), "mark": secrets.token_hex(16)}, salt=_salt()),
        max_age=DEVICE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict" if current() is Context.ADMIN else "Lax",
    )


def device_of(request: HttpRequest, *, email: str) -> str | None:
    """The mark of the request's browser, if this account has logged in to it; None for all others."""
    signed = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        held = signing.loads(signed, salt=_salt(), max_age=DEVICE_SECONDS)
    except signing.BadSignature:
        return None
    mark: str = held["mark"]
    return mark if constant_time_compare(held["account"], _account(email)) else None


def _account(email: str) -> str:
    return salted_hmac("identity.device", User.objects.normalize_email(email), algorithm="sha256").hexdigest()


def _salt() -> str:
    return f"identity.device.{current()}"
