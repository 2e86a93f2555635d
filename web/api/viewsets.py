from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from web.adapter import WebAdapter
from web.api.filters import TransactionFilter
from web.api.serializers import BalanceSerializer, TransactionSerializer
from web.models import Transaction


class TransactionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Transaction]):
    """The movements of the client's own money, newest first: what left or came, and what is held for them."""

    serializer_class = TransactionSerializer
    filterset_class = TransactionFilter
    ordering = ("-created_at", "-id")
    queryset = Transaction.objects.none()  # for the schema; requests get their own below

    def get_queryset(self) -> QuerySet[Transaction]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        user_id = self.request.user.pk
        assert user_id is not None  # IsAuthenticated has passed
        return WebAdapter().find_user_transactions(user_id)


class BalanceViewSet(viewsets.ViewSet):
    """What the client's movements come to, by currency."""

    @extend_schema(responses=BalanceSerializer(many=True))
    def list(self, request: Request) -> Response:
        user_id = request.user.pk
        assert user_id is not None  # IsAuthenticated has passed
        return Response(BalanceSerializer(WebAdapter().find_user_balances(user_id), many=True).data)
