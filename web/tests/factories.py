import uuid
from datetime import timedelta
from decimal import Decimal

import factory
from django.utils import timezone

from exchanger.testing.factories import OwnedFactory
from web.configuration import KEY
from web.models import (
    AnalyticsEvent,
    EventDelivery,
    ExchangeRate,
    HeldRate,
    HeldReason,
    Order,
    Payment,
    PublishedConfiguration,
    Quote,
    Refund,
    Transaction,
)

DOCUMENT = {
    "pairs": ["USD/UAH", "UAH/USD", "EUR/UAH", "EUR/USD", "BTC/UAH"],
    "limits": {
        "USD": {"min": "20", "max": "10000"},
        "UAH": {"min": "1000", "max": "400000"},
        "EUR": {"min": "20", "max": "10000"},
        "BTC": {"min": "0.001", "max": "1"},
    },
    "spread": "0.005",
    "fee": "0.003",
    "rate_max_age_seconds": 3600,
    "quote_life_seconds": 600,
    "maintenance_mode": False,
    "base_currency": "UAH",
    "max_deviation_percent": "5",
    "feeds": ["nbu", "ecb"],
    "feed_max_age_seconds": 518400,
}
"""A web configuration's document; tests change what they are about."""


class ExchangeRateFactory(OwnedFactory):
    class Meta:
        model = ExchangeRate

    from_currency = "USD"
    to_currency = "UAH"
    rate = Decimal("41.50")


class PublishedConfigurationFactory(OwnedFactory):
    """``PublishedConfigurationFactory(changes={"spread": "0"})``: DOCUMENT with some keys changed."""

    class Meta:
        model = PublishedConfiguration

    class Params:
        changes = factory.LazyFunction(dict)

    key = KEY
    version = 1
    document = factory.LazyAttribute(lambda made: DOCUMENT | made.changes)


class HeldRateFactory(OwnedFactory):
    class Meta:
        model = HeldRate

    from_currency = "USD"
    to_currency = "UAH"
    rate = Decimal("50")
    rate_in_force = Decimal("41.50")
    deviation_percent = Decimal("20.48192771")
    source = "nbu"
    published_for = factory.LazyFunction(lambda: timezone.now().date())
    reason = HeldReason.DEVIATION


class OrderFactory(OwnedFactory):
    class Meta:
        model = Order

    user_id = factory.LazyFunction(uuid.uuid4)
    from_currency = "USD"
    to_currency = "UAH"
    amount = Decimal(100)
    exchange_rate = Decimal("41.50")


class QuoteFactory(OwnedFactory):
    class Meta:
        model = Quote

    user_id = factory.LazyFunction(uuid.uuid4)
    from_currency = "USD"
    to_currency = "UAH"
    from_amount = Decimal(100)
    to_amount = Decimal("4116.86")
    rate = Decimal("41.2925")
    spread = Decimal("0.005")
    fee = Decimal("12.39")
    rate_id = factory.LazyFunction(lambda: ExchangeRateFactory().pk)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=10))


class PaymentFactory(OwnedFactory):
    class Meta:
        model = Payment

    order = factory.SubFactory(OrderFactory)
    user_id = factory.SelfAttribute("order.user_id")
    payment_method = "bank_transfer"
    amount = factory.SelfAttribute("order.amount")


class RefundFactory(OwnedFactory):
    class Meta:
        model = Refund

    payment = factory.SubFactory(PaymentFactory, status="succeeded")
    order = factory.SelfAttribute("payment.order")
    kind = "payment"
    amount = factory.SelfAttribute("payment.amount")
    large = False
    reason = "The client asked for it."


class TransactionFactory(OwnedFactory):
    class Meta:
        model = Transaction

    order = factory.SubFactory(OrderFactory)
    user_id = factory.SelfAttribute("order.user_id")
    kind = "payment_held"
    account = "client"
    currency = "USD"
    amount = Decimal(100)


class AnalyticsEventFactory(OwnedFactory):
    class Meta:
        model = AnalyticsEvent

    event_type = "order.created"


class EventDeliveryFactory(OwnedFactory):
    class Meta:
        model = EventDelivery

    event = factory.SubFactory(AnalyticsEventFactory)
    order = factory.SubFactory(OrderFactory)
    sequence = 1
