"""A person's own sessions of this application: to see them, and to end them."""

from typing import Any

from django.contrib.auth import logout
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.cache.access import circuit
from exchanger.kernel.contexts import current
from exchanger.kernel.own_rows import OwnRows
from exchanger.kernel.schema import refuses
from identity.adapter import IdentityAdapter
from identity.api.account_serializers import EndedSerializer, OwnSessionSerializer
from identity.api.requests import own_session_id, person_id
from identity.api.views import EndUnconfirmed
from identity.models import Session
from identity.services.sessions import user_session_end, user_sessions_end


class OwnSessionsView(OwnRows[Session], ListAPIView[Session]):
    """The person's live sessions of this application, the newest first."""

    serializer_class = OwnSessionSerializer
    ordering = ("-created_at", "-id")
    queryset = Session.objects.none()

    def own_rows(self) -> QuerySet[Session]:
        return IdentityAdapter(current()).find_user_sessions(person_id(self.request))

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "current": own_session_id(self.request)}


class OwnSessionView(APIView):
    """One of the person's own sessions of this application."""

    @extend_schema(responses={204: None}, operation_id="end_session")
    @refuses(EndUnconfirmed)
    def delete(self, request: Request, session_id: str) -> Response:
        """End it, this session included. It cannot be used again, from any copy of its key."""
        if session_id == own_session_id(request):
            logout(request._request)
        elif not user_session_end(user_id=person_id(request), session_id=session_id):
            raise Http404
        _require_confirmed()
        return Response(status=status.HTTP_204_NO_CONTENT)


class EndOtherSessionsView(APIView):
    """End all of the person's sessions of this application but this one."""

    @extend_schema(request=None, responses={200: EndedSerializer}, operation_id="end_other_sessions")
    @refuses(EndUnconfirmed)
    def post(self, request: Request) -> Response:
        ended = user_sessions_end(user_id=person_id(request), keep=own_session_id(request))
        if ended:
            _require_confirmed()
        return Response({"ended": ended})


def _require_confirmed() -> None:
    """Raises EndUnconfirmed: Redis did not answer, so a cached copy of what has just ended may be left for a moment."""
    if circuit.is_open:
        raise EndUnconfirmed(
            "The sessions have ended. One of our servers could not be told, and may know them for a few seconds more; "
            "there is nothing left for you to do."
        )
