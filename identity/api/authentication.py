"""Who is asking: the session of a bearer key or of the context's cookie, one store, one isolation."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from identity.middleware import bearer_key
from identity.models import User


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer <session key>``. It rides on no cookie, so it needs no CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        if bearer_key(request._request) is None:
            return None
        user = request._request.user
        if not user.is_authenticated:
            raise AuthenticationFailed("This session has ended, or never was one of this application: log in.")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="exchanger"'


class CookieAuthentication(SessionAuthentication):
    """The context's session cookie, with Django's CSRF check."""


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "The session key that logging in returned."}


class CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = CookieAuthentication
    name = "cookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        from django.conf import settings

        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
