"""A person's sessions in every application, for operators: to see, and to end."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from admin_panel.services.actors import actor_of
from admin_panel.services.sessions import operator_sessions_end
from exchanger.kernel.contexts import Context
from exchanger.kernel.filters import refuse_empty
from identity.adapter import IdentityAdapter

MAY_SEE = "identity.view_session"
MOST = 100


class UserSessionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="What the stores know the session by; it opens nothing.")
    application_context = serializers.ChoiceField([context.value for context in Context])
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="When it was last seen, to the minute.")
    expires_at = serializers.DateTimeField()
    ip_address = serializers.IPAddressField(allow_null=True, help_text="Where it was opened.")
    user_agent = serializers.CharField()


class UserSessionsSerializer(serializers.Serializer[Any]):
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="How many are live, by context.")
    results = UserSessionSerializer(many=True, help_text=f"The {MOST} last seen.")


class EndedByContextSerializer(serializers.Serializer[Any]):
    ended = serializers.DictField(child=serializers.IntegerField(), help_text="How many ended, by context.")


class WhichSerializer(serializers.Serializer[Any]):
    application_context = serializers.ChoiceField([context.value for context in Context], required=False)


class MaySeeSessions(BasePermission):
    """``identity.view_session`` to read; whether somebody may end them, the service asks, which records it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method == "DELETE" or bool(request.user.has_perm(MAY_SEE))


class UserSessionsView(APIView):
    """The live sessions of a person in all applications."""

    permission_classes = [IsAuthenticated, MaySeeSessions]

    @extend_schema(responses={200: UserSessionsSerializer}, operation_id="user_sessions_list")
    def get(self, request: Request, user_id: UUID) -> Response:
        _require_person(user_id)
        adapter = IdentityAdapter(Context.ADMIN)
        found = {
            "counts": {context.value: live for context, live in adapter.count_sessions_everywhere(user_id).items()},
            "results": adapter.find_sessions_everywhere(user_id, limit=MOST),
        }
        return Response(UserSessionsSerializer(found).data)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "application_context", enum=[context.value for context in Context], description="Only its."
            )
        ],
        responses={200: EndedByContextSerializer},
        operation_id="user_sessions_end",
    )
    def delete(self, request: Request, user_id: UUID) -> Response:
        """End all of them, or those of one application."""
        refuse_empty(request, ["application_context"])
        which = WhichSerializer(data=request.query_params)
        which.is_valid(raise_exception=True)
        named = which.validated_data.get("application_context")
        _require_person(user_id)
        ended = operator_sessions_end(
            actor=actor_of(request), user_id=user_id, context=Context(named) if named else None
        )
        return Response({"ended": ended})


class UserSessionView(APIView):
    """One live session of a person."""

    @extend_schema(responses={204: None}, operation_id="user_session_end")
    def delete(self, request: Request, user_id: UUID, session_id: str) -> Response:
        """End it."""
        _require_person(user_id)
        if not operator_sessions_end(actor=actor_of(request), user_id=user_id, session_id=session_id):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _require_person(user_id: UUID) -> None:
    if user_id not in IdentityAdapter(Context.ADMIN).find_users([user_id]):
        raise Http404
