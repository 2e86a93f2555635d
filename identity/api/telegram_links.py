"""The Telegram account that is linked to a client's: to see, to link and to unlink from the web application's side."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.cache.access import circuit
from exchanger.kernel.contexts import Context
from exchanger.kernel.schema import refuses
from identity.adapter import IdentityAdapter
from identity.api.account_serializers import TelegramLinkCodeSerializer, TelegramLinkSerializer
from identity.api.requests import person_id
from identity.api.views import EndUnconfirmed
from identity.services.telegram_links import LinkCodeRefused, link_code_create, telegram_unlink


class TelegramLinkView(APIView):
    """The person's Telegram account."""

    @extend_schema(responses={200: TelegramLinkSerializer}, operation_id="telegram_link")
    def get(self, request: Request) -> Response:
        """Whether a Telegram account is linked, and since when; never which one."""
        profile = IdentityAdapter(Context.WEB).find_user_profile(person_id(request))
        linked = profile.telegram_user_id is not None
        return Response(TelegramLinkSerializer({"linked": linked, "linked_since": profile.telegram_linked_at}).data)

    @extend_schema(responses={204: None}, operation_id="unlink_telegram")
    @refuses(EndUnconfirmed)
    def delete(self, request: Request) -> Response:
        """Unlink it, and end the sessions that were opened by it. Where nothing is linked, that stays so."""
        if telegram_unlink(user_id=person_id(request)) and circuit.is_open:
            raise EndUnconfirmed(
                "The Telegram account is unlinked. One of our servers could not be told, and may know its sessions for "
                "a few seconds more; there is nothing left for you to do."
            )
        return Response(status=status.HTTP_204_NO_CONTENT)


class TelegramLinkCodeView(APIView):
    """Codes that link a Telegram account."""

    @extend_schema(request=None, responses={201: TelegramLinkCodeSerializer}, operation_id="create_telegram_link_code")
    @refuses(LinkCodeRefused)
    def post(self, request: Request) -> Response:
        """A code for the bot, good once and for ten minutes; the one before it is dead.

        The bot shows whose account it is before it links anything. A change of the password ends the code.
        """
        code = link_code_create(user_id=person_id(request))
        return Response(TelegramLinkCodeSerializer(code).data, status.HTTP_201_CREATED)
