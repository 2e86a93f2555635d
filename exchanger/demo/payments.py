"""The payments of each story, as its status asks for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from exchanger.demo.ids import demo_id, stream
from exchanger.demo.orders import Story
from exchanger.demo.plan import Plan
from web.models import OrderStatus, Payment, PaymentStatus
from web.tests.factories import PaymentFactory

_METHODS: Final = {
    "UAH": (("card", "bank_transfer", "cash"), (65, 27, 8)),
    "USD": (("bank_transfer", "cash", "card"), (50, 30, 20)),
    "EUR": (("bank_transfer", "card", "cash"), (55, 25, 20)),
    "GBP": (("bank_transfer", "card"), (70, 30)),
    "PLN": (("bank_transfer", "card"), (60, 40)),
    "USDT": (("crypto_wallet",), (1,)),
    "BTC": (("crypto_wallet",), (1,)),
}


def payments(plan: Plan) -> list[Payment]:
    """All payments; the one that paid for an order was begun before the order became paid."""
    return [payment for story in plan.stories for payment in _of(story)]


def paying(story: Story) -> Payment:
    """The payment that paid for a story's order, which was paid."""
    return next(payment for payment in _of(story) if payment.id == demo_id("payment", story.number, "paid"))


def _of(story: Story) -> Iterator[Payment]:
    chances = stream("payments", story.number)
    began, paid_at = story.steps[0].at, story.reached(OrderStatus.PAID)
    ended = story.steps[-1]
    if paid_at is not None:
        if chances.random() < 0.08:
            yield _payment(story, "first", PaymentStatus.FAILED, began + (paid_at - began) / 4, chances)
        refunded = ended.status == OrderStatus.REFUNDED
        status = PaymentStatus.REFUNDED if refunded else PaymentStatus.SUCCEEDED
        yield _payment(story, "paid", status, began + (paid_at - began) * 2 / 3, chances)
    elif ended.status == OrderStatus.FAILED:
        yield _payment(story, "failed", PaymentStatus.FAILED, began + (ended.at - began) / 2, chances)
    elif chances.random() < 0.6:
        waiting = ended.status == OrderStatus.PENDING
        status = PaymentStatus.PENDING if waiting else PaymentStatus.CANCELLED
        yield _payment(story, "awaited", status, began + timedelta(seconds=40), chances)


def _payment(story: Story, part: str, status: PaymentStatus, at: datetime, chances: Random) -> Payment:
    methods, weights = _METHODS[story.order.from_currency]
    payment: Payment = PaymentFactory.build(
        id=demo_id("payment", story.number, part),
        order=story.order,
        user_id=story.client.id,
        payment_method=chances.choices(methods, weights)[0],
        amount=story.order.amount,
        status=status,
        created_at=at,
    )
    return payment
