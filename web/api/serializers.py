from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from exchanger.kernel.money.currencies import recorded_currency
from exchanger.kernel.money.fields import DecimalField, PairField
from web.models import Account, Order, OrderStatus, Quote, Transaction
from web.orders import order_json, quote_of


class RateSerializer(serializers.Serializer[Any]):
    """How much of ``to_currency`` one unit of ``from_currency`` buys in the market, before the spread."""

    from_currency = serializers.CharField()
    to_currency = serializers.CharField()
    rate = serializers.DecimalField(max_digits=18, decimal_places=8)
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField(allow_null=True, help_text="Exclusive; null while the rate is open.")
    confirmed_at = serializers.DateTimeField(help_text="When the rate was last said: it is as old as that.")
    source = serializers.CharField(  # type: ignore[assignment]  # a key; DRF takes it out of the class
        help_text="manual, or the provider that said so."
    )


class PointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="When the interval begins.")
    open = serializers.DecimalField(max_digits=18, decimal_places=8)
    high = serializers.DecimalField(max_digits=18, decimal_places=8)
    low = serializers.DecimalField(max_digits=18, decimal_places=8)
    close = serializers.DecimalField(max_digits=18, decimal_places=8)


class HistorySerializer(serializers.Serializer[Any]):
    pair = serializers.CharField()
    interval = serializers.CharField()
    points = PointSerializer(many=True, help_text="Oldest first; intervals without a rate are left out.")


class OfferedPairSerializer(serializers.Serializer[Any]):
    """A pair on offer, and its terms."""

    pair = serializers.CharField()
    from_currency = serializers.CharField()
    to_currency = serializers.CharField()
    minimum = DecimalField(help_text="The least that may be given, in from_currency.")
    maximum = DecimalField(help_text="The most that may be given, in from_currency.")
    from_decimals = serializers.IntegerField(help_text="Decimals of an amount given.")
    to_decimals = serializers.IntegerField(help_text="Decimals of an amount received.")
    fee = DecimalField(help_text="The fee, as a share of what is received.")
    rate = serializers.DecimalField(
        max_digits=18,
        decimal_places=8,
        allow_null=True,
        help_text="What one unit given buys now, the spread taken off, before the fee; null where there is no rate "
        "that is new enough.",
    )


class OfferSerializer(serializers.Serializer[Any]):
    """Everything on offer."""

    maintenance_mode = serializers.BooleanField(help_text="While true nothing can be exchanged.")
    quote_life_seconds = serializers.IntegerField()
    pairs = OfferedPairSerializer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample("What is given", {"pair": "usd_uah", "from_amount": "100.00"}, request_only=True),
        OpenApiExample("What is received", {"pair": "usd_uah", "to_amount": "5000.00"}, request_only=True),
    ]
)
class QuoteRequestSerializer(serializers.Serializer[Any]):
    """Either ``from_amount``, what is given, or ``to_amount``, what is to be received."""

    pair = PairField()
    from_amount = DecimalField(required=False)
    to_amount = DecimalField(required=False)


class QuoteSerializer(serializers.ModelSerializer[Quote]):
    """``to_amount`` = ``from_amount`` × ``rate`` − ``fee``, rounded down; firm until ``expires_at``."""

    pair = serializers.CharField(source="pair.code")
    from_amount = serializers.SerializerMethodField()
    to_amount = serializers.SerializerMethodField()
    fee = serializers.SerializerMethodField(help_text="In to_currency.")
    order_id = serializers.UUIDField(allow_null=True, help_text="The order that took this quote.")

    class Meta:
        model = Quote
        fields = (
            "id",
            "pair",
            "from_currency",
            "to_currency",
            "from_amount",
            "to_amount",
            "rate",
            "spread",
            "fee",
            "order_id",
            "created_at",
            "expires_at",
        )
        read_only_fields = fields

    def get_from_amount(self, quote: Quote) -> str:
        return _text(quote.from_amount, quote.from_currency)

    def get_to_amount(self, quote: Quote) -> str:
        return _text(quote.to_amount, quote.to_currency)

    def get_fee(self, quote: Quote) -> str:
        return _text(quote.fee, quote.to_currency)


@extend_schema_serializer(
    examples=[
        OpenApiExample("A quote", {"quote_id": "0b5e9f3a-6c1d-4f7e-9a52-3d8c7e1f4b60"}, request_only=True),
        OpenApiExample("The rate of this moment", {"pair": "usd_uah", "from_amount": "100.00"}, request_only=True),
    ]
)
class OrderRequestSerializer(serializers.Serializer[Any]):
    """``quote_id``; or, for the rate of this moment, ``pair`` and either ``from_amount`` or ``to_amount``."""

    quote_id = serializers.UUIDField(required=False, help_text="Alone: the quote has all the rest.")
    pair = PairField(required=False)
    from_amount = DecimalField(required=False)
    to_amount = DecimalField(required=False)
    expected_rate = DecimalField(required=False, help_text="The least rate that you accept; a better one is taken.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "quote_id" in attrs and len(attrs) > 1:
            raise serializers.ValidationError({"quote_id": ["Send it alone: a quote has the pair and the amounts."]})
        if not attrs.keys() & {"quote_id", "pair"}:
            raise serializers.ValidationError({"pair": ["Send a pair and an amount, or a quote_id."]})
        return attrs


class OrderSerializer(serializers.Serializer[Any]):
    """``to_amount`` is what you receive, `fee` off: ``from_amount`` × ``exchange_rate`` − ``fee``, rounded down."""

    id = serializers.UUIDField()
    quote_id = serializers.UUIDField(allow_null=True, help_text="The quote whose terms it has.")
    from_currency = serializers.CharField()
    to_currency = serializers.CharField()
    from_amount = serializers.CharField(help_text="What you give.")
    to_amount = serializers.CharField(allow_null=True, help_text="What you receive; null where there is no quote.")
    fee = serializers.CharField(allow_null=True, help_text="In to_currency; null where there is no quote.")
    exchange_rate = serializers.DecimalField(max_digits=18, decimal_places=8)
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="It must be paid before; null where it may wait.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Any) -> Any:
        """Of an order that came with its quotes, or of what is cached of one."""
        shown = order_json(instance, quote_of(instance)) if isinstance(instance, Order) else instance
        return super().to_representation(shown)


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


def _text(amount: Decimal, code: str) -> str:
    return recorded_currency(code).text(amount)
