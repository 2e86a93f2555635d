from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date

from exchanger.kernel.origin import origin_of

SCHEME = "bearer"


def bearer_key(request: HttpRequest) -> str | None:
    """The session key of ``Authorization: Bearer <key>``; None without such a header."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == SCHEME else None


class SessionMiddleware(DjangoSessionMiddleware):
    """One session per request: of the context's own cookie, or of a bearer key, which then comes without cookies.

    A session that a request reads, and does not change, is kept from ending of idleness.
    """

    def process_request(self, request: HttpRequest) -> None:
        key = bearer_key(request)
        if key is None:
            key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        session: Any = self.SessionStore(key)
        session.origin = origin_of(request)
        request.session = session

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session: Any = request.session
        touched = response.status_code < 500 and session.touch()
        if bearer_key(request) is None:
            if touched and not session.get_expire_at_browser_close():
                _renew_cookie(request, response)
            return super().process_response(request, response)
        if request.session.modified and not request.session.is_empty() and response.status_code < 500:
            try:
                request.session.save()
            except UpdateError:
                raise SessionInterrupted("The session was ended while the request was under way.") from None
        return response


def _renew_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Let the browser keep the cookie for as long as the session now lives."""
    session = request.session
    samesite: Any = settings.SESSION_COOKIE_SAMESITE
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        session.session_key or "",
        max_age=session.get_expiry_age(),
        expires=http_date(session.get_expiry_date().timestamp()),
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=samesite,
    )
