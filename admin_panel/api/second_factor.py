"""The second factor of a login through the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from admin_panel.factor_secrets import UnreadableSecret
from admin_panel.second_factor import has_passed, session_pass
from admin_panel.services.actors import actor_of
from admin_panel.services.factors import NoFactor, WrongCode, factor_check
from exchanger.kernel.schema import refuses
from identity.middleware import bearer_key


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(
        max_length=30, help_text="Six digits of the authenticator, or a recovery code. Each is taken once."
    )


class SecondFactorView(APIView):
    """What makes a session whole whose person has given the password alone."""

    @extend_schema(request=CodeSerializer, responses={204: None}, operation_id="second_factor")
    @refuses(WrongCode, NoFactor, UnreadableSecret)
    def post(self, request: Request) -> Response:
        """Give a code of the second factor. Until then every other address answers 403 `second_factor_required`."""
        form = CodeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        factor_check(actor=actor_of(request), code=form.validated_data["code"])
        session = request._request.session
        first = not has_passed(session)
        session_pass(session)
        if first and bearer_key(request._request) is None:
            session.cycle_key()  # who holds a bearer key could not be told of another
        return Response(status=status.HTTP_204_NO_CONTENT)
