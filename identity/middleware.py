from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse

SCHEME = "bearer"


def bearer_key(request: HttpRequest) -> str | None:
    """The session key of ``Authorization: Bearer <key>``; None without such a header."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == SCHEME else None


class SessionMiddleware(DjangoSessionMiddleware):
    """One session per request: of the context's own cookie, or of a bearer key, which then comes without cookies."""

    def process_request(self, request: HttpRequest) -> None:
        key = bearer_key(request)
        if key is None:
            key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = self.SessionStore(key)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if bearer_key(request) is None:
            return super().process_response(request, response)
        if request.session.modified and not request.session.is_empty() and response.status_code < 500:
            try:
                request.session.save()
            except UpdateError:
                raise SessionInterrupted("The session was ended while the request was under way.") from None
        return response
