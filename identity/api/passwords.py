"""Changing a password, and replacing a lost one by mail."""

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError as Weak
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.origin import origin_of
from identity.api.account_serializers import (
    AcceptedSerializer,
    AddressSerializer,
    PasswordChangeSerializer,
    PasswordResetSerializer,
    RenewedSessionSerializer,
)
from identity.api.accounts import MAIL_SENT_IF_DUE, accepted
from identity.api.requests import own_session_id, person_id
from identity.middleware import bearer_key
from identity.services.passwords import WrongPassword, password_change, password_reset, password_reset_request
from identity.services.throttling import password_guess_counted, throttle_public
from identity.tokens import DeadToken


class ChangePasswordView(APIView):
    """Change one's password, which needs the current one.

    This session goes on under a new key (a new cookie, or ``session_key`` in the answer); all the person's other
    sessions, in every application, end at once.
    """

    @extend_schema(
        request=PasswordChangeSerializer,
        responses={200: RenewedSessionSerializer},
        operation_id="change_password",
    )
    def post(self, request: Request) -> Response:
        form = PasswordChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        django_request = request._request
        try:
            with password_guess_counted(user_id=person_id(request), wrong=WrongPassword):
                user = password_change(user_id=person_id(request), keep=own_session_id(request), **form.validated_data)
        except WrongPassword as error:
            raise ValidationError({"current_password": [str(error)]}) from error
        except Weak as error:
            raise ValidationError({"new_password": error.messages}) from error
        update_session_auth_hash(django_request, user)
        session: Any = django_request.session
        answer = RenewedSessionSerializer(
            {
                "expires_at": session.ends_at,
                "session_key": session.session_key if bearer_key(django_request) else None,
                "user": request.user,
            }
        )
        return Response(answer.data)


class RequestPasswordResetView(APIView):
    """Have a mail sent with which the owner of an address can set a new password. The answer is always the same."""

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        request=AddressSerializer,
        responses={202: AcceptedSerializer},
        operation_id="request_password_reset",
    )
    def post(self, request: Request) -> Response:
        form = AddressSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        email = form.validated_data["email"]
        throttle_public(action="password_reset", origin=origin_of(request._request), email=email)
        password_reset_request(email=email)
        return accepted(MAIL_SENT_IF_DUE)


class ResetPasswordView(APIView):
    """Set a new password with the token of the mail, which is good once, for one hour.

    Ends every session of the person in every application, opens none, and confirms the address.
    """

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(request=PasswordResetSerializer, responses={204: None}, operation_id="reset_password")
    def post(self, request: Request) -> Response:
        form = PasswordResetSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            password_reset(**form.validated_data)
        except DeadToken as error:
            raise ValidationError({"token": [str(error)]}) from error
        except Weak as error:
            raise ValidationError({"password": error.messages}) from error
        return Response(status=status.HTTP_204_NO_CONTENT)
