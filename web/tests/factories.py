import uuid
from decimal import Decimal

import factory

from exchanger.testing.factories import OwnedFactory
from web.models import AnalyticsEvent, ExchangeRate, Order, Payment, Transaction


class ExchangeRateFactory(OwnedFactory):
    class Meta:
        model = ExchangeRate

    from_currency = "USD"
    to_currency = "UAH"
    rate = Decimal("41.50")


class OrderFactory(OwnedFactory):
    class Meta:
        model = Order

    user_id = factory.LazyFunction(uuid.uuid4)
    from_currency = "USD"
    to_currency = "UAH"
    amount = Decimal(100)
    exchange_rate = Decimal("41.50")


class PaymentFactory(OwnedFactory):
    class Meta:
        model = Payment

    order = factory.SubFactory(OrderFactory)
    user_id = factory.SelfAttribute("order.user_id")
    payment_method = "bank_transfer"
    amount = factory.SelfAttribute("order.amount")


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
