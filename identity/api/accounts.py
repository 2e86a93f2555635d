"""Opening an account, confirming its address, and its profile."""

from django.core.exceptions import ValidationError as Weak
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.contexts import current
from exchanger.kernel.origin import origin_of
from identity.adapter import IdentityAdapter
from identity.api.account_serializers import (
    AcceptedSerializer,
    AddressSerializer,
    ProfileSerializer,
    RegistrationSerializer,
    TokenSerializer,
)
from identity.api.requests import person_id
from identity.services.accounts import account_register, email_verification_request, email_verify
from identity.services.profiles import profile_update
from identity.services.throttling import throttle_public
from identity.tokens import DeadToken

MAIL_SENT = "A message is on its way to this address: it says what to do next."
MAIL_SENT_IF_DUE = "If this address needs one, a message is on its way to it: it says what to do next."


class RegisterView(APIView):
    """Open an account.

    The answer is the same whether or not the address has an account already; its owner is told by mail. Nobody is
    logged in by it. The new account's address is unconfirmed until the link in the mail is used.
    """

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(request=RegistrationSerializer, responses={202: AcceptedSerializer}, operation_id="register")
    def post(self, request: Request) -> Response:
        form = RegistrationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        throttle_public(action="register", origin=origin_of(request._request), email=form.validated_data["email"])
        try:
            account_register(**form.validated_data)
        except Weak as error:
            raise ValidationError({"password": error.messages}) from error
        return accepted(MAIL_SENT)


class VerifyEmailView(APIView):
    """Confirm an e-mail address with the token of the mail. To do it twice changes nothing.

    The token is good for 24 hours, for the address it was sent to.
    """

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(request=TokenSerializer, responses={204: None}, operation_id="verify_email")
    def post(self, request: Request) -> Response:
        form = TokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            email_verify(token=form.validated_data["token"])
        except DeadToken as error:
            raise ValidationError({"token": [str(error)]}) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResendVerificationView(APIView):
    """Send the mail of confirmation again. The answer is the same for every address."""

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        request=AddressSerializer,
        responses={202: AcceptedSerializer},
        operation_id="resend_verification",
    )
    def post(self, request: Request) -> Response:
        form = AddressSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        email = form.validated_data["email"]
        throttle_public(action="resend_verification", origin=origin_of(request._request), email=email)
        email_verification_request(email=email)
        return accepted(MAIL_SENT_IF_DUE)


class ProfileView(APIView):
    """What the person tells about themselves."""

    @extend_schema(responses={200: ProfileSerializer}, operation_id="profile")
    def get(self, request: Request) -> Response:
        profile = IdentityAdapter(current()).find_user_profile(person_id(request))
        return Response(ProfileSerializer(profile).data)

    @extend_schema(request=ProfileSerializer, responses={200: ProfileSerializer}, operation_id="change_profile")
    def patch(self, request: Request) -> Response:
        """Change the fields that are sent, and no others."""
        form = ProfileSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        profile = profile_update(user_id=person_id(request), **form.validated_data)
        return Response(ProfileSerializer(profile).data)


def accepted(message: str) -> Response:
    """202: the work is the worker's, and its outcome is told by mail alone."""
    return Response({"message": message}, status=status.HTTP_202_ACCEPTED)
