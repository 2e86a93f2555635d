"""A POST that moves money, served for tests alone: it stands for the orders' and payments' own. A URLconf."""

from typing import Any

from django.db import connections
from django.urls import path
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.urls import common
from web import ledger
from web.api.idempotency import idempotent
from web.models import Order, Payment
from web.services.ledger import ledger_post

HOLD = 4711  # an advisory lock: whoever has it stops the process at the named place
WAIT_HEADER = "X-Test-Wait"
handler404 = "exchanger.kernel.errors.not_found"


class PaymentRequest(serializers.Serializer[Any]):
    order = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=["done", "refused", "returned", "broken"], default="done")


class TooLateError(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "too_late"


class PayView(APIView):
    """Pays for an order of the caller's: one payment and its entries."""

    @idempotent
    def post(self, request: Request) -> Response:
        wanted = PaymentRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        order = Order.objects.get(pk=wanted.validated_data["order"])
        payment = Payment.objects.create(
            order=order, user_id=request.user.pk, payment_method="card", amount=order.amount, status="succeeded"
        )
        ledger_post(order=order, entry_set=ledger.payment_held(order, payment))
        match wanted.validated_data["outcome"]:
            case "refused":
                raise TooLateError
            case "returned":
                return Response({"code": "unavailable"}, status.HTTP_503_SERVICE_UNAVAILABLE)
            case "broken":
                raise ZeroDivisionError
        if request.headers.get(WAIT_HEADER) == "change":
            hold()
        return Response(
            {"payment": payment.pk, "amount": payment.amount, "name": "Ялинка"},
            status.HTTP_201_CREATED,
            headers={"Location": f"/payments/{payment.pk}"},
        )


def hold() -> None:
    """Stop here as long as somebody has the lock."""
    with connections["web"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [HOLD])
        cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [HOLD])


urlpatterns = [*common.urlpatterns, path("api/v1/pay/", PayView.as_view())]
