from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.contexts import Context, current
from exchanger.kernel.errors import RETRY_AFTER_SECONDS
from exchanger.kernel.schema import refuses
from identity.api.opening import BEARER, answer_with_session
from identity.api.serializers import AccountSerializer, LoginSerializer, SessionSerializer
from identity.known_devices import device_remember
from identity.services.throttling import login_attempt
from identity.services.users import AccountBlocked
from identity.signals import NOT_OPERATOR, login_denied


class LoginView(APIView):
    """Open a session of this application with an e-mail address and a password."""

    permission_classes = [AllowAny]

    @extend_schema(request=LoginSerializer, responses={200: SessionSerializer}, operation_id="login")
    @refuses(AccountBlocked)
    def post(self, request: Request) -> Response:
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        user = login_attempt(request=request._request, email=wanted["email"], password=wanted["password"])
        if user is None:
            raise AuthenticationFailed("The e-mail address or the password is wrong.")
        if current() is Context.ADMIN and not user.is_staff:
            login_denied.send(type(self), request=request._request, user=user, reason=NOT_OPERATOR)
            raise PermissionDenied("This account has no permission in the operators' panel.")
        response = answer_with_session(request, user, transport=wanted["transport"])
        if wanted["transport"] != BEARER:
            device_remember(response, email=user.email)
        return response


class EndUnconfirmed(APIException):
    """The session has ended, and its cached copy could not be reached; it is dropped as soon as it can be."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "end_unconfirmed"
    default_detail = (
        "You are logged out here. One of our servers could not be told, and may know this session for a few seconds "
        "more; there is nothing left for you to do."
    )
    wait = RETRY_AFTER_SECONDS


class LogoutView(APIView):
    """End this session. It cannot be used again, from any copy of its key."""

    @extend_schema(request=None, responses={204: None}, operation_id="logout")
    @refuses(EndUnconfirmed)
    def post(self, request: Request) -> Response:
        session = request._request.session
        logout(request._request)
        if getattr(session, "end_unconfirmed", False):
            raise EndUnconfirmed
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """The person behind this session, with what they may do in this application."""

    @extend_schema(responses={200: AccountSerializer}, operation_id="me")
    def get(self, request: Request) -> Response:
        return Response(AccountSerializer(request.user).data)
