from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from exchanger.kernel.own_rows import OwnRows
from exchanger.kernel.schema import refuses
from identity.api.requests import person_id
from identity.models import User
from identity.services.throttling import throttle_use
from web.adapter import WebAdapter
from web.api.acting import OpenToBot
from web.api.filters import OrderFilter
from web.api.idempotency import idempotent
from web.api.limits import ORDERS
from web.api.serializers import OrderRequestSerializer, OrderSerializer
from web.cache import WebCache
from web.configuration import NotConfigured
from web.models import Order
from web.orders import order_json
from web.services.moves import OrderRefused
from web.services.orders import order_cancel, order_create, order_create_now
from web.services.quotes import QuoteRefused

TAKING = (
    "email_not_verified", "not_found", "quote_taken", "quote_expired", "rate_changed", "client_limit", "pair_limit",
)  # fmt: skip


class OrderViewSet(OpenToBot, OwnRows[Order], mixins.ListModelMixin, viewsets.GenericViewSet[Order]):
    """The client's own orders, newest first."""

    bot_may = ("create", "list", "retrieve", "cancel")
    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    ordering = ("-created_at", "-id")
    queryset = Order.objects.none()

    def own_rows(self) -> QuerySet[Order]:
        return WebAdapter().find_user_orders(person_id(self.request))

    @extend_schema(request=OrderRequestSerializer, responses={201: OrderSerializer})
    @refuses(OrderRefused, codes=TAKING)
    @refuses(QuoteRefused, NotConfigured)
    @idempotent
    def create(self, request: Request) -> Response:
        """Order at the terms of a quote of yours, or at the rate of this moment. It is to be paid by `expires_at`."""
        form = OrderRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = _user(request)
        throttle_use(rule=ORDERS, who=str(user.pk))
        make = order_create if "quote_id" in form.validated_data else order_create_now
        order, quote = make(user=user, **form.validated_data)
        return Response(OrderSerializer(order_json(order, quote)).data, status.HTTP_201_CREATED)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._shown(request, _id(pk))

    @extend_schema(request=None, responses={200: OrderSerializer})
    @refuses(OrderRefused, codes=("order_status",))
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an order that is not paid yet. One that is cancelled already stays so, and is shown again."""
        order_id = _id(pk)
        order_cancel(user_id=person_id(request), order_id=order_id)
        return self._shown(request, order_id)

    def _shown(self, request: Request, order_id: UUID) -> Response:
        order = WebCache().get_order(order_id)
        if order is None or str(order["user_id"]) != str(person_id(request)):
            raise Http404
        return Response(OrderSerializer(order).data)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # IsAuthenticated has passed
    return request.user


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
