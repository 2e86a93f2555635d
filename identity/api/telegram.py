from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.origin import origin_of
from exchanger.kernel.schema import refuses
from identity.api.opening import answer_with_session
from identity.api.serializers import SessionSerializer, TelegramLoginSerializer
from identity.init_data import InvalidInitData
from identity.services.telegram import NotConfigured, NotLinked, telegram_login
from identity.services.users import AccountBlocked


class LoginNotConfigured(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "not_configured"
    default_detail = (
        "Login by Telegram is not set up here: set TELEGRAM_BOT_TOKEN to the bot's token in the environment of the "
        "telegram processes, and restart them."
    )


class AccountNotLinked(PermissionDenied):
    default_code = "not_linked"
    default_detail = (
        "This Telegram account is not linked to an account here: log in on the website, ask there for a link to the "
        "bot, and open it in Telegram; or send /link to the bot."
    )


class TelegramLoginView(APIView):
    """Open a session of this application with what Telegram gives a Mini App, once for each time that it is opened.

    Inside Telegram's web client a Mini App is a frame of another site, to which browsers send no session cookie: take
    ``transport: bearer`` there.
    """

    permission_classes = [AllowAny]

    @extend_schema(
        request=TelegramLoginSerializer,
        responses={200: SessionSerializer},
        operation_id="telegram_login",
    )
    @refuses(LoginNotConfigured, AccountNotLinked, AccountBlocked)
    def post(self, request: Request) -> Response:
        form = TelegramLoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        try:
            user = telegram_login(init_data=wanted["init_data"], origin=origin_of(request._request))
        except NotConfigured as error:
            raise LoginNotConfigured from error
        except InvalidInitData as error:
            raise AuthenticationFailed(str(error)) from error
        except NotLinked as error:
            raise AccountNotLinked from error
        return answer_with_session(request, user, transport=wanted["transport"])
