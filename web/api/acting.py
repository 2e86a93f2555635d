"""The bot as a linked client: ``Authorization: Bot <token>``, for one request of the few that a view opens to it.

A view that has any derives from ``OpenToBot`` and names them. To everything else that web serves such a token is no
proof of anybody, an account's and a session's addresses among them.
"""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import APIView

from exchanger.kernel.acting import KEY_HEADER, LIFE_SECONDS, SCHEME, ActingToken, Call
from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter
from identity.api.authentication import BearerAuthentication, CookieAuthentication
from identity.cache import UserCache
from identity.models import User
from web.services.acting import token_use


class ActingAuthentication(BaseAuthentication):
    """A token of the bot's: signed for this very request, fresh, unused, and of a person whose account is linked *now*.

    It opens no session and looks at no cookie. The link is read in PostgreSQL each time, so unlinking is the end of it.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme != SCHEME:
            return None
        if not _is_open((request.parser_context or {})["view"], request.method):
            raise AuthenticationFailed("The bot may not do this for anybody.")
        token = ActingToken.verified(text, _call(request), secret=settings.ACTING_SECRET)
        if token is None:
            raise AuthenticationFailed(
                f"This is no token of the bot's for this request, or it is older than {LIFE_SECONDS} seconds: both "
                "processes need the same ACTING_SECRET and the time."
            )
        if IdentityAdapter(Context.WEB).find_telegram_account(token.user_id) != token.telegram_user_id:
            raise AuthenticationFailed("This Telegram account is not linked to the person any more.", "not_linked")
        if not token_use(token_id=token.id):
            raise AuthenticationFailed("This token has been used: each is good for one request.")
        user = UserCache(Context.WEB).get_user(token.user_id)
        if user is None:
            raise AuthenticationFailed("This Telegram account is not linked to the person any more.", "not_linked")
        return user, None


class OpenToBot(APIView):
    """A view of which the bot may use some: ``bot_may`` names the actions, or the methods in small letters."""

    authentication_classes = (BearerAuthentication, ActingAuthentication, CookieAuthentication)
    bot_may: ClassVar[tuple[str, ...]] = ()


class ActingScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ActingAuthentication
    name = "bot"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": (
                f"`{SCHEME} <token>`: how the platform's own bot acts for a client who has linked their Telegram "
                f"account. Each token is signed for one request, lives {LIFE_SECONDS} seconds and is good once. "
                "401 `not_linked`: the account has been unlinked."
            ),
        }

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]] | None:  # type: ignore[override]
        return {self.name: []} if _is_open(auto_schema.view, auto_schema.method) else None


def _is_open(view: OpenToBot, method: str | None) -> bool:
    return (getattr(view, "action", None) or (method or "").lower()) in view.bot_may


def _call(request: Request) -> Call:
    return Call(
        method=request.method or "",
        path=request.get_full_path(),
        body=request._request.body,
        key=request.headers.get(KEY_HEADER, ""),
    )
