from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from web.adapter import WebAdapter
from web.api.filters import OrderFilter, RateFilter
from web.api.serializers import OrderSerializer, RateSerializer
from web.cache import WebCache
from web.models import ExchangeRate, Order

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
