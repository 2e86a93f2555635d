from typing import Any

from rest_framework import serializers

from web.models import Account, Order, Transaction


class RateSerializer(serializers.Serializer[Any]):
    """How much of ``to_currency`` one unit of ``from_currency`` buys."""

    from_currency = serializers.CharField()
    to_currency = serializers.CharField()
    rate = serializers.DecimalField(max_digits=18, decimal_places=8)
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField(allow_null=True, help_text="Exclusive; null while the rate is open.")


class OrderSerializer(serializers.ModelSerializer[Order]):
    class Meta:
        model = Order
        fields = (
            "id",
            "from_currency",
            "to_currency",
            "amount",
            "exchange_rate",
            "status",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    """``amount`` is positive where money came to the account and negative where it left it."""

    class Meta:
        model = Transaction
        fields = ("id", "order_id", "payment_id", "kind", "account", "currency", "amount", "description", "created_at")
        read_only_fields = fields


class BalanceSerializer(serializers.Serializer[Any]):
    """The sum of a client's entries in one account and currency."""

    account = serializers.ChoiceField(choices=[(Account.CLIENT, "client"), (Account.SUSPENSE, "suspense")])
    currency = serializers.CharField()
    amount = serializers.DecimalField(
        max_digits=38,
        decimal_places=8,
        help_text="Of `client`: what came to you less what left you. Of `suspense`: what is held for you.",
    )
