from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.own_rows import OwnRows
from exchanger.kernel.schema import refuses
from identity.api.requests import person_id
from web.adapter import WebAdapter
from web.api.acting import OpenToBot
from web.api.filters import PaymentFilter
from web.api.idempotency import idempotent
from web.api.payment_serializers import PaymentRequestSerializer, PaymentSerializer
from web.configuration import NotConfigured
from web.models import Order, Payment
from web.payments.registry import CARD
from web.services.charges import provider_call
from web.services.payments import PaymentRefused, payment_start


class PaymentViewSet(
    OpenToBot, OwnRows[Payment], mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Payment]
):
    """The client's own payments with their refunds, newest first."""

    bot_may = ("list", "retrieve")
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    ordering = ("-created_at", "-id")
    queryset = Payment.objects.none()

    def own_rows(self) -> QuerySet[Payment]:
        return WebAdapter().find_user_payments(person_id(self.request))


class OrderPaymentsView(OpenToBot, OwnRows[Payment], ListAPIView[Payment]):
    """The payments of one of the client's own orders, newest first, and how another begins."""

    bot_may = ("get", "post")
    serializer_class = PaymentSerializer
    ordering = ("-created_at", "-id")
    queryset = Payment.objects.none()

    def own_rows(self) -> QuerySet[Payment]:
        user_id, order_id = person_id(self.request), self.kwargs["order_id"]
        if not WebAdapter().find_user_orders(user_id).filter(pk=order_id).exists():
            raise Http404
        return WebAdapter().find_user_payments(user_id).filter(order_id=order_id)

    @extend_schema(request=PaymentRequestSerializer, responses={201: PaymentSerializer})
    @refuses(PaymentRefused, NotConfigured)
    @idempotent
    def post(self, request: Request, order_id: UUID) -> Response:
        """Begin to pay a pending order: `instructions` of the answer say how.

        Refused with `payment_method_unavailable` (400), `order_not_pending`, `order_expired` or `too_many_payments`
        (409), or `not_configured` (503).
        """
        form = PaymentRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            payment = payment_start(user_id=person_id(request), order_id=order_id, **form.validated_data)
        except Order.DoesNotExist:
            raise Http404 from None
        return Response(PaymentSerializer(payment).data, status.HTTP_201_CREATED)


@extend_schema(exclude=True)
class CardCallView(APIView):
    """Where the card processor calls: open to its secret alone, and no part of the clients' API."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        new = provider_call(processor=CARD, body=request._request.body, headers=request.headers)
        return Response({"new": new})
