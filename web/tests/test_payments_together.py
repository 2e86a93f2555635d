"""Everything at once on one order: one legal history comes of it, and the money is all there."""

import itertools
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from exchanger.kernel.refusals import Refused
from exchanger.kernel.signing import sign
from web import transitions
from web.models import Order, OrderStatus, Payment, Refund
from web.services.fulfilment import order_call_off, order_process
from web.services.orders import order_cancel, orders_expire
from web.services.payments import payment_fail, payment_settle
from web.services.refunds import refund_succeed
from web.services.transfers import payment_confirm
from web.tests.factories import OrderFactory, PaymentFactory
from web.tests.money import events, order_status, sums, verified

pytestmark = pytest.mark.context("web")
URL = "/api/v1/payments/webhooks/card/"
THREADS = 16


@pytest.fixture(autouse=True)
def configured(publish):
    publish()


def call(payment, event_id, amount, received_at, secret):
    """The processor's call, which is accepted, or was already."""
    charge = {
        "id": f"ch_{payment.pk}",
        "payment_id": str(payment.pk),
        "status": "succeeded",
        "amount": amount,
        "currency": "USD",
        "received_at": received_at.isoformat(),
    }
    body = json.dumps({"id": event_id, "type": "charge.succeeded", "charge": charge}).encode()
    timestamp = str(int(time.time()))
    headers = {"X-Timestamp": timestamp, "X-Signature": sign(body, secret=secret, timestamp=timestamp)}
    assert Client().post(URL, body, "application/json", headers=headers).status_code == 200


def attempts(order, cards, transfers, chances, secret):
    """Sixty-four things that somebody may do to the order, in no order."""
    now = order.expires_at
    for number in range(20):
        payment, amount = chances.choice(cards), chances.choice(["60.00", "100.00", "130.00"])
        when = now + timedelta(milliseconds=chances.choice([-5, 5]))
        yield lambda p=payment, e=f"evt_{number % 12}", a=amount, w=when: call(p, e, a, w, secret)
    for _ in range(12):
        payment, amount = chances.choice(transfers), Decimal(chances.choice([60, 100, 130]))
        yield lambda p=payment, a=amount: payment_confirm(payment_id=p.pk, amount=a, received_at=now)
    for _ in range(8):
        payment = chances.choice([*cards, *transfers])
        yield lambda p=payment: payment_settle(payment_id=p.pk, amount=Decimal(100), received_at=now)
    for _ in range(8):
        payment = chances.choice(cards)
        yield lambda p=payment: payment_fail(payment_id=p.pk, reason="declined")
    for _ in range(4):
        yield lambda: order_cancel(user_id=order.user_id, order_id=order.pk)
        yield orders_expire
        yield lambda: order_call_off(order_id=order.pk, reason="The client asked.")
        yield lambda: order_process(order_id=order.pk)


def run(attempt):
    try:
        attempt()
    except Refused:
        return "refused"
    finally:
        connections.close_all()
    return "done"


@pytest.mark.parametrize("seed", range(4))
def test_sixty_four_at_once_leave_one_legal_history(seed, settings):
    chances = random.Random(seed)
    order = OrderFactory(created_at=timezone.now() - timedelta(hours=1), expires_at=timezone.now())
    cards = PaymentFactory.create_batch(3, order=order, payment_method="card")
    transfers = PaymentFactory.create_batch(3, order=order)
    work = list(attempts(order, cards, transfers, chances, settings.CARD_PROCESSOR_SECRET))
    assert len(work) == 64
    chances.shuffle(work)
    with ThreadPoolExecutor(THREADS) as threads:
        done = list(threads.map(run, work))
    assert "done" in done
    assert_legal(order)
    verified()
    settled = Payment.objects.filter(order=order, status="succeeded")
    assert sums(order).get("client", 0) == -sum(payment.amount for payment in settled)

    with ThreadPoolExecutor(THREADS) as threads:
        for refund in Refund.objects.filter(order=order):
            for _ in range(4):
                threads.submit(run, lambda r=refund: refund_succeed(refund_id=r.pk, reference="bank 1"))
    assert set(Refund.objects.values_list("status", flat=True)) <= {"succeeded"}
    kept = Decimal(100) if order_status(order) in ("paid", "processing") else Decimal(0)
    assert sums(order) == ({"client": -kept, "house": kept} if kept else {})
    assert_legal(order)
    verified()


def assert_legal(order):
    """What was announced is one declared move after another, up to where the order is."""
    statuses = [name.removeprefix("order.") for name in events(order) if name.startswith("order.")]
    history = [OrderStatus.PENDING, *map(OrderStatus, statuses)]
    for before, after in itertools.pairwise(history):
        assert after in transitions.ORDERS[before], history
    assert Order.objects.get().status == history[-1]


def test_of_many_full_payments_at_once_one_pays(settings):
    order = OrderFactory(expires_at=timezone.now() + timedelta(minutes=5))
    payments = PaymentFactory.create_batch(16, order=order)
    now = timezone.now()
    with ThreadPoolExecutor(THREADS) as threads:
        jobs = [
            threads.submit(run, lambda p=p: payment_settle(payment_id=p.pk, amount=Decimal(100), received_at=now))
            for p in payments
            for _ in range(4)
        ]
    assert {job.result() for job in jobs} == {"done"}
    assert (order_status(order), Refund.objects.count()) == ("paid", 15)
    assert sums(order) == {"client": -1600, "house": 100, "suspense": 1500}
    assert [name for name in events(order) if name.startswith("order.")] == ["order.paid"]
    verified()
