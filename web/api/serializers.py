from typing import Any

from rest_framework import serializers

from web.models import Order


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
