from django.db.models import QuerySet
from rest_framework import viewsets

from web.adapter import WebAdapter
from web.api.filters import OrderFilter
from web.api.serializers import OrderSerializer
from web.models import Order


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
