"""One order and everybody at once: one history, along the declared moves, and nobody is shown an older one."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from identity.tests.factories import UserFactory
from web import transitions
from web.cache import WebCache
from web.models import AnalyticsEvent, Order, OrderStatus, Payment, Refund
from web.services.fulfilment import order_call_off, order_complete, order_fail, order_process
from web.services.moves import OrderRefused, order_lock, order_move
from web.services.orders import order_cancel, orders_expire
from web.tests.factories import OrderFactory
from web.tests.ordering import URL, bearer, pay, story, together
from web.verification import ledger_verify

pytestmark = pytest.mark.context("web")
ATTEMPTS = 64


def everybody(order):
    """The client, the clock, an operator and the bank, each sixteen times, in turn."""
    each = [
        lambda: order_cancel(user_id=order.user_id, order_id=order.pk),
        orders_expire,
        lambda: order_call_off(order_id=order.pk, reason="Called off."),
        lambda: pay(order.pk),
    ]
    return each * (ATTEMPTS // len(each))


def assert_one_history(order, refusals):
    """The events tell one way along the declared moves, which ends where the order is; the ledger agrees."""
    status = OrderStatus.PENDING
    for event_type in story(order.pk):
        kind, _, becomes = event_type.partition(".")
        if kind == "order":
            assert becomes in transitions.ORDERS[status], story(order.pk)
            status = OrderStatus(becomes)
    assert Order.objects.get().status == status
    assert {type(refusal) for refusal in refusals} <= {OrderRefused}, refusals
    assert {refusal.code for refusal in refusals} <= {"order_status"}
    assert WebCache().get_order(order.pk)["status"] == status
    assert list(ledger_verify()) == [1]


def refused(results):
    return [result for result in results if isinstance(result, Exception)]


@pytest.mark.parametrize("turn", range(4))
def test_whoever_is_first_the_order_has_one_history(turn, publish):
    publish()
    order = OrderFactory(expires_at=timezone.now() - timedelta(seconds=1))
    attempts = everybody(order)
    results = together(attempts[turn:] + attempts[:turn])
    assert len(results) == ATTEMPTS
    assert_one_history(order, refused(results))
    paid = "order.paid" in story(order.pk)
    assert Payment.objects.count() == paid
    assert Refund.objects.count() == (paid and "order.cancelled" in story(order.pk))


def test_operators_who_process_complete_fail_and_call_off_at_once(publish):
    publish()
    order = OrderFactory()
    pay(order.pk)
    each = [
        lambda: order_process(order_id=order.pk),
        lambda: order_complete(order_id=order.pk),
        lambda: order_fail(order_id=order.pk, reason="It came back."),
        lambda: order_call_off(order_id=order.pk, reason="Called off."),
    ]
    results = together(each * (ATTEMPTS // len(each)))
    assert_one_history(order, refused(results))
    assert Order.objects.get().status in {OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.CANCELLED}
    ends = [event for event in story(order.pk) if event not in ("order.paid", "order.processing")]
    assert ends in (["order.completed"], ["order.failed", "refund.approved"], ["order.cancelled", "refund.approved"])


def test_cancelling_at_once_answers_everybody_and_happens_once():
    order = OrderFactory()
    results = together([lambda: order_cancel(user_id=order.user_id, order_id=order.pk)] * 32)
    assert refused(results) == []
    assert story(order.pk) == ["order.cancelled"]


def test_who_reads_never_sees_a_status_older_than_one_that_was_acknowledged():
    """Readers on threads of their own note what was acknowledged, then read: what they see is that, or later."""
    way = (OrderStatus.PENDING, OrderStatus.PAID, OrderStatus.PROCESSING, OrderStatus.COMPLETED)
    orders = [OrderFactory() for _ in range(20)]
    acknowledged = {order.pk: 0 for order in orders}
    over, wrong, reads = threading.Event(), [], []

    def read():
        try:
            cache, seen = WebCache(), 0
            while not over.is_set() or not seen:
                for order in orders:
                    at_least = acknowledged[order.pk]
                    status = way.index(cache.get_order(order.pk)["status"])
                    if status < at_least:
                        wrong.append((order.pk, status, at_least))
                    seen += 1
            reads.append(seen)
        finally:
            connections.close_all()

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()

    def walk(order):
        for step, status in enumerate(way[1:], start=1):
            with transaction.atomic(using="web"):
                order_move(order=order_lock(order_id=order.pk), to=status)
            acknowledged[order.pk] = step

    try:
        results = together([lambda order=order: walk(order) for order in orders], threads=4)
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert refused(results) == []
    assert wrong == []
    assert len(reads) == 4
    assert {WebCache().get_order(order.pk)["status"] for order in orders} == {"completed"}
    assert AnalyticsEvent.objects.count() == 3 * len(orders)


def test_what_operators_do_under_their_own_login_is_shown_at_once(as_context):
    order = OrderFactory()
    pay(order.pk)
    assert WebCache().get_order(order.pk)["status"] == "paid"
    with as_context("admin"):
        order_process(order_id=order.pk)
    assert WebCache().get_order(order.pk)["status"] == "processing"


def test_who_cancels_what_another_has_just_cancelled_is_never_shown_it_as_pending(world):
    """The other one is between its commit and its word to the cache, or died there."""
    anna = UserFactory()
    order = OrderFactory(user_id=anna.pk)
    client = bearer(anna)
    assert client.get(f"{URL}{order.pk}/").json()["status"] == "pending"
    world.superuser("web").execute("UPDATE orders SET status = 'cancelled'")
    assert client.post(f"{URL}{order.pk}/cancel/").json()["status"] == "cancelled"
    assert client.get(f"{URL}{order.pk}/").json()["status"] == "cancelled"


def test_a_client_is_shown_what_they_have_done_whoever_reads_meanwhile():
    anna = UserFactory()
    orders = [OrderFactory(user_id=anna.pk) for _ in range(12)]
    clients = [bearer(anna) for _ in range(4)]

    def cancel_and_look(number, order):
        client = clients[number % 4]
        client.get(f"{URL}{order.pk}/")
        cancelled = client.post(f"{URL}{order.pk}/cancel/").json()["status"]
        return cancelled, client.get(f"{URL}{order.pk}/").json()["status"]

    attempts = [
        lambda number=number, order=order: cancel_and_look(number, order) for number, order in enumerate(orders)
    ]
    assert set(together(attempts * 2, threads=8)) == {("cancelled", "cancelled")}
