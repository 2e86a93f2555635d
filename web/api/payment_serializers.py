from typing import Any

from rest_framework import serializers

from exchanger.kernel.money.currencies import recorded_currency
from web.models import Payment, Refund
from web.payments.registry import PROVIDERS


class PaymentRequestSerializer(serializers.Serializer[Any]):
    payment_method = serializers.ChoiceField(choices=sorted(PROVIDERS))


class RefundSerializer(serializers.ModelSerializer[Refund]):
    """Money on its way back: all that is left of a payment, or what it brought too much."""

    amount = serializers.SerializerMethodField()

    class Meta:
        model = Refund
        fields = ("id", "kind", "amount", "status", "reason", "created_at", "updated_at")
        read_only_fields = fields

    def get_amount(self, refund: Refund) -> str:
        return recorded_currency(refund.payment.order.from_currency).text(refund.amount)


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """``amount`` is what is asked for while nothing has come, and from then on what came."""

    amount = serializers.SerializerMethodField()
    currency = serializers.CharField(source="order.from_currency")
    instructions = serializers.DictField(
        help_text="What to do: `checkout_url` of a card; recipient, iban, bank and purpose of a transfer."
    )
    refunds = RefundSerializer(many=True)

    class Meta:
        model = Payment
        fields = (
            "id",
            "order_id",
            "payment_method",
            "amount",
            "currency",
            "status",
            "reference",
            "instructions",
            "received_at",
            "refunds",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_amount(self, payment: Payment) -> str:
        return recorded_currency(payment.order.from_currency).text(payment.amount)
