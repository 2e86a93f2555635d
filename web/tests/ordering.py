"""What the tests of orders share: clients who order, threads that start together, and all that an order leaves."""

import itertools
import threading

from django.db import connections, transaction
from django.test import Client

from exchanger.testing import factories
from identity.services.sessions import session_open
from web import ledger
from web.models import (
    AnalyticsEvent,
    EventDelivery,
    IdempotencyKey,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    Quote,
    Refund,
    Transaction,
)
from web.services.ledger import ledger_post
from web.services.moves import order_lock, order_move

URL = "/api/v1/orders/"
_keys = itertools.count()


def bearer(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


def order(client, *, key=None, **body):
    """POST an order under a key of its own, unless it is given one."""
    headers = {"Idempotency-Key": key or f"key-{next(_keys)}"}
    return client.post(URL, body, content_type="application/json", headers=headers)


def traces():
    """How much there is of all that an order can leave behind."""
    tables = (Order, IdempotencyKey, AnalyticsEvent, EventDelivery, Transaction, Refund)
    with factories.as_owner():
        return *(table.objects.count() for table in tables), Quote.objects.exclude(order=None).count()


NOTHING = (0, 0, 0, 0, 0, 0, 0)


def pay(order_id):
    """What a payment in full does to its order."""
    with transaction.atomic(using="web"):
        order = order_lock(order_id=order_id)
        order_move(order=order, to=OrderStatus.PAID)
        payment = Payment.objects.create(
            order=order,
            user_id=order.user_id,
            payment_method="bank_transfer",
            amount=order.amount,
            status=PaymentStatus.SUCCEEDED,
        )
        ledger_post(order=order, entry_set=ledger.payment_received(order, payment))


def story(order_id):
    """The types of an order's events by their numbers, which are 1, 2, 3 …"""
    told = EventDelivery.objects.filter(order_id=order_id).order_by("sequence").select_related("event")
    assert [delivery.sequence for delivery in told] == list(range(1, len(told) + 1))
    return [delivery.event.event_type for delivery in told]


def together(attempts, threads=16):
    """Make the attempts on that many threads that start at once; what each returned or raised, in their order."""
    start, results = threading.Barrier(threads), [None] * len(attempts)

    def run(number):
        try:
            start.wait()
            for index in range(number, len(attempts), threads):
                try:
                    results[index] = attempts[index]()
                except Exception as error:
                    results[index] = error
        finally:
            connections.close_all()

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results
