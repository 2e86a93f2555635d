from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import http_date

from exchanger.kernel.origin import origin_of
from identity.old_sessions.arrival import Arrival, Arrived, arrival_of

SCHEME = "bearer"


def bearer_key(request: HttpRequest) -> str | None:
    """The session key of ``Authorization: Bearer <key>``; None without such a header."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == SCHEME else None


class SessionMiddleware(DjangoSessionMiddleware):
    """One session per request: of the context's own cookie, or of a bearer key, which then comes without cookies.

    A session that a request reads, and does not change, is kept from ending of idleness. Where the environment names
    cookies of an older platform, one of these opens a session too, in the absence of ours, and is replaced by ours.
    """

    def process_request(self, request: HttpRequest) -> None:
        key, arrival, origin = bearer_key(request), None, origin_of(request)
        if key is None:
            key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
            if key is None and settings.OLD_PLATFORM.cookies:
                arrival = arrival_of(request, origin)
        session: Any = self.SessionStore(key if arrival is None else arrival.new_key)
        session.origin = origin
        session.arrival = arrival
        request.session = session

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session: Any = request.session
        if session.arrival is not None:
            _replace_cookie(request, response, session.arrival)
            return super().process_response(request, response)
        touched = response.status_code < 500 and session.touch()
        if bearer_key(request) is None:
            if touched and not session.get_expire_at_browser_close():
                _set_cookie(request, response, session.get_expiry_age(), session.get_expiry_date())
            return super().process_response(request, response)
        if request.session.modified and not request.session.is_empty() and response.status_code < 500:
            try:
                request.session.save()
            except UpdateError:
                raise SessionInterrupted("The session was ended while the request was under way.") from None
        return response


def _replace_cookie(request: HttpRequest, response: HttpResponse, arrival: Arrival) -> None:
    """Give the browser our cookie for an old one that has opened a session, whatever the answer is: it opens no other.

    The old one leaves the browser unless the older platform is to find it again, and always when it is worth nothing.
    """
    session: Any = request.session
    if arrival.outcome is Arrived.OPENED and session.session_key and session.ends_at is not None:
        left = session.ends_at - timezone.now()
        _set_cookie(request, response, int(left.total_seconds()), session.ends_at)
    if arrival.outcome is Arrived.DEAD or (arrival.outcome is Arrived.OPENED and settings.OLD_PLATFORM.removes):
        response.delete_cookie(arrival.old.cookie.name)


def _set_cookie(request: HttpRequest, response: HttpResponse, max_age: int, ends_at: datetime) -> None:
    """Let the browser keep the cookie for as long as the session lives."""
    samesite: Any = settings.SESSION_COOKIE_SAMESITE
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        request.session.session_key or "",
        max_age=max_age,
        expires=http_date(ends_at.timestamp()),
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=samesite,
    )
