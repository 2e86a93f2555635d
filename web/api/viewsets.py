from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from web.adapter import WebAdapter
from web.api.filters import OrderFilter, RateFilter, TransactionFilter
from web.api.serializers import BalanceSerializer, OrderSerializer, RateSerializer, TransactionSerializer
from web.cache import WebCache
from web.models import ExchangeRate, Order, Transaction

PAIR = OpenApiParameter("pair", str, "path", description="Two currency codes, such as usd_uah.")


class RateViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ExchangeRate]):
    """The rates in force now, for everybody."""

    permission_classes = [AllowAny]
    serializer_class = RateSerializer
    filterset_class = RateFilter
    ordering = ("from_currency", "to_currency", "id")
    lookup_field = "pair"
    lookup_value_regex = "[A-Za-z0-9]{2,10}_[A-Za-z0-9]{2,10}"

    def get_queryset(self) -> QuerySet[ExchangeRate]:
        return WebAdapter().find_current_rates()

    @extend_schema(parameters=[PAIR], responses=RateSerializer)
    def retrieve(self, request: Request, pair: str) -> Response:
        """The pair's rate in force now, from the cache where it is warm."""
        rate = WebCache().get_rate(*pair.split("_"))
        if rate is None:
            raise Http404
        return Response(RateSerializer(rate).data)


class OrderViewSet(viewsets.ReadOnlyModelViewSet[Order]):
    """The client's own orders, newest first."""

    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    ordering = ("-created_at", "-id")
    queryset = Order.objects.none()  # for the schema; requests get their own below

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        user_id = self.request.user.pk
        assert user_id is not None  # IsAuthenticated has passed
        return WebAdapter().find_user_orders(user_id)


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
