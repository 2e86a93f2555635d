"""What operators do with orders, under their own login and under web's: each step with its entries and its event."""

import uuid
from decimal import Decimal

import pytest
from django.db import transaction

from exchanger.testing import factories
from web import ledger
from web.models import AnalyticsEvent, Order, OrderStatus, Refund, RefundKind, RefundStatus, Transaction
from web.services.fulfilment import order_call_off, order_complete, order_fail, order_process
from web.services.ledger import ledger_post
from web.services.moves import OrderRefused
from web.tests.factories import (
    OrderFactory,
    PaymentFactory,
    PublishedConfigurationFactory,
    QuoteFactory,
    RefundFactory,
)
from web.tests.ordering import story, traces
from web.verification import ledger_verify

REASON = "The bank returned it."
OPERATOR = uuid.UUID(int=1)
MOVES = {
    "process": lambda order_id: order_process(order_id=order_id),
    "complete": lambda order_id: order_complete(order_id=order_id),
    "fail": lambda order_id: order_fail(order_id=order_id, reason=REASON),
    "call off": lambda order_id: order_call_off(order_id=order_id, reason=REASON),
}
FROM = {"process": {"paid"}, "complete": {"processing"}, "fail": {"processing"}, "call off": {"pending", "paid"}}


@pytest.fixture(autouse=True, params=["web", "admin"])
def _login(request, as_context):
    PublishedConfigurationFactory(changes={"large_refunds": {"USD": "500"}})
    with as_context(request.param):
        yield


def paid(status="paid", *, brought=Decimal(100), quote=True, **fields):
    """An order of 100 USD that was paid, and the payment."""
    order = OrderFactory(**{"exchange_rate": Decimal("41.2925"), "status": status} | fields)
    if quote:
        QuoteFactory(order=order, user_id=order.user_id, from_amount=order.amount)
    payment = PaymentFactory(order=order, amount=brought, status="succeeded")
    with factories.as_owner(), transaction.atomic(using="web"):
        ledger_post(order=order, entry_set=ledger.payment_received(order, payment))
    return order, payment


def entries(kind):
    found = Transaction.objects.filter(kind=kind).order_by("account")
    return [(entry.account, entry.currency, entry.amount) for entry in found]


def told():
    event = AnalyticsEvent.objects.get(event_type__startswith="order.")
    return event.event_data


def test_an_order_is_processed_and_completed_at_its_quotes_figures():
    order, _ = paid()
    order_process(order_id=order.pk)
    completed = order_complete(order_id=order.pk)
    assert completed.status == Order.objects.get().status == OrderStatus.COMPLETED
    assert entries("order_completed") == [
        ("client", "UAH", Decimal("4116.86")),
        ("fees", "UAH", Decimal("12.39")),
        ("house", "UAH", Decimal("-4129.25")),
    ]
    assert story(order.pk) == ["order.processing", "order.completed"]
    assert {event.user_id for event in AnalyticsEvent.objects.all()} == {order.user_id}
    assert list(ledger_verify()) == [1]


@pytest.mark.parametrize(
    ("rate", "received", "gross"),
    [("41.2925", "UAH", "4129.25"), ("41.29257777", "UAH", "4129.25"), ("147.9999", "JPY", "14799")],
)
def test_an_order_without_a_quote_is_completed_at_its_rate_rounded_down_and_without_fee(rate, received, gross):
    order, _ = paid("processing", quote=False, exchange_rate=Decimal(rate), to_currency=received)
    order_complete(order_id=order.pk)
    assert entries("order_completed") == [("client", received, Decimal(gross)), ("house", received, -Decimal(gross))]
    assert list(ledger_verify()) == [1]


def test_a_payout_of_less_than_the_smallest_unit_is_refused_and_changes_nothing():
    order, _ = paid("processing", quote=False, exchange_rate=Decimal("0.00000001"))
    before = traces()
    with pytest.raises(OrderRefused) as refused:
        order_complete(order_id=order.pk)
    assert (refused.value.code, refused.value.status) == ("payout_too_small", 409)
    assert (Order.objects.get().status, traces()) == ("processing", before)


@pytest.mark.parametrize(
    ("move", "status", "kind", "becomes"),
    [("fail", "processing", "payout_failed", "failed"), ("call off", "paid", "order_cancelled", "cancelled")],
)
def test_money_of_an_order_that_is_not_exchanged_is_held_and_asked_to_go_back(move, status, kind, becomes):
    order, payment = paid(status)
    act = order_fail if move == "fail" else order_call_off
    moved = act(order_id=order.pk, reason=REASON, operator_id=OPERATOR)
    assert moved.status == Order.objects.get().status == becomes
    assert entries(kind) == [("house", "USD", Decimal(-100)), ("suspense", "USD", Decimal(100))]
    refund = Refund.objects.get()
    assert (refund.order_id, refund.payment_id, refund.amount) == (order.pk, payment.pk, Decimal(100))
    assert (refund.kind, refund.status) == (RefundKind.PAYMENT, RefundStatus.APPROVED)
    assert (refund.reason, refund.requested_by) == (REASON, OPERATOR)
    assert story(order.pk) == [f"order.{becomes}", "refund.approved"]
    assert (told()["reason"], told()["previous"]) == (REASON, status)
    assert list(ledger_verify()) == [1]


def test_a_large_refund_waits_for_a_second_operator():
    order, _ = paid(amount=Decimal(1000), brought=Decimal(1000), quote=False)
    order_call_off(order_id=order.pk, reason=REASON, operator_id=OPERATOR)
    assert Refund.objects.get().status == RefundStatus.REQUESTED
    assert story(order.pk) == ["order.cancelled", "refund.requested"]


@pytest.mark.parametrize(("apart", "due"), [(False, "130"), (True, "100")])
def test_what_was_paid_too_much_goes_back_once(apart, due):
    order, payment = paid(brought=Decimal(130))
    if apart:
        RefundFactory(order=order, payment=payment, kind="excess", amount=Decimal(30))
    order_call_off(order_id=order.pk, reason=REASON)
    assert Refund.objects.get(kind="payment").amount == Decimal(due)
    assert list(ledger_verify()) == [1]


def test_the_payment_that_paid_is_the_one_that_goes_back_and_no_other_of_the_order():
    order, payment = paid()
    second = PaymentFactory(order=order, status="succeeded")
    with factories.as_owner(), transaction.atomic(using="web"):
        ledger_post(order=order, entry_set=ledger.payment_held(order, second))
    order_call_off(order_id=order.pk, reason=REASON)
    assert Refund.objects.get().payment_id == payment.pk


def test_an_order_that_is_not_paid_is_called_off_and_nothing_goes_back():
    order = OrderFactory()
    order_call_off(order_id=order.pk, reason=REASON)
    assert Order.objects.get().status == OrderStatus.CANCELLED
    assert traces() == (1, 0, 1, 1, 0, 0, 0)
    assert told()["reason"] == REASON


@pytest.mark.parametrize(
    ("move", "status"),
    [(move, status) for move in MOVES for status in OrderStatus if status not in FROM[move]],
)
def test_any_other_order_stays_as_it_is(move, status):
    order, _ = paid(status)
    before = traces()
    with pytest.raises(OrderRefused) as refused:
        MOVES[move](order.pk)
    assert (refused.value.code, refused.value.status) == ("order_status", 409)
    assert refused.value.details["status"] == status
    assert Order.objects.get().status == status
    assert traces() == before


@pytest.mark.parametrize(("move", "status"), [("fail", "processing"), ("call off", "paid")])
def test_without_a_payment_in_the_ledger_nothing_can_go_back_and_nothing_changes(move, status):
    order = OrderFactory(status=status)
    PaymentFactory(order=order, status="succeeded")
    before = traces()
    with pytest.raises(OrderRefused, match="run verify_ledger") as refused:
        MOVES[move](order.pk)
    assert refused.value.code == "payment_missing"
    assert (Order.objects.get().status, traces()) == (status, before)


@pytest.mark.parametrize("move", MOVES)
def test_an_order_that_is_not_there(move):
    with pytest.raises(Order.DoesNotExist):
        MOVES[move](uuid.uuid4())
