"""Orders with their payments and ledger entries, as the services leave them."""

from decimal import Decimal

from django.db import transaction

from exchanger.testing import factories
from web import ledger
from web.services.ledger import ledger_post
from web.tests.factories import OrderFactory, PaymentFactory, QuoteFactory, RefundFactory

AMOUNT = Decimal(100)
GROSS = Decimal(4150)


def post(order, *entry_sets):
    """Write the sets as the schema's owner."""
    with factories.as_owner(), transaction.atomic(using="web"):
        for entry_set in entry_sets:
            ledger_post(order=order, entry_set=entry_set)
    return order


def paid(status="paid", *, brought=AMOUNT, payment_status="succeeded", **fields):
    order = OrderFactory(status=status, amount=AMOUNT, exchange_rate=Decimal("41.5"), **fields)
    payment = PaymentFactory(order=order, amount=brought, status=payment_status)
    post(order, ledger.payment_received(order, payment))
    return order, payment


def completed(*, fee=Decimal(20), **fields):
    order, _ = paid("completed", **fields)
    return post(order, ledger.order_completed(order, gross=GROSS, fee=fee))


def quoted(**bent):
    """A completed order that took a quote; ``bent`` is what the quote says otherwise."""
    order = OrderFactory(status="completed", amount=AMOUNT, exchange_rate=Decimal("41.2925"))
    payment = PaymentFactory(order=order, status="succeeded")
    QuoteFactory(**{"order": order, "user_id": order.user_id} | bent)
    payout = ledger.order_completed(order, gross=Decimal("4129.25"), fee=Decimal("12.39"))
    return post(order, ledger.payment_received(order, payment), payout)


def every_ending():
    """One order of each way that money can go; returns the orders by a name."""
    endings = {"completed": completed(), "free": completed(fee=Decimal(0)), "pending": OrderFactory()}
    endings["quoted"] = quoted()
    endings["processing"], _ = paid("processing")
    order, payment = paid(brought=Decimal(130))
    endings["over"] = post(order, ledger.excess_refunded(order, payment))
    endings["over, kept"], payment = paid(brought=Decimal(130))
    RefundFactory(payment=payment, kind="excess", amount=Decimal(30))
    order, payment = paid("refunded", brought=Decimal(130), payment_status="refunded")
    endings["refunded"] = post(order, ledger.payment_refunded(order, payment, house=AMOUNT, suspense=Decimal(30)))
    order, payment = paid("cancelled", payment_status="refunded")
    endings["cancelled, less a fee"] = post(
        order,
        ledger.order_cancelled(order, payment),
        ledger.fee_charged(order, payment, fee=Decimal(5)),
        ledger.payment_refunded(order, payment, house=Decimal(0), suspense=Decimal(95)),
    )
    order, payment = paid("failed")
    endings["failed"] = post(order, ledger.payout_failed(order, payment))
    RefundFactory(payment=payment, status="approved")
    order = OrderFactory(status="expired", amount=AMOUNT)
    late = PaymentFactory(order=order, status="succeeded")
    endings["late"] = post(order, ledger.payment_held(order, late))
    RefundFactory(payment=late, status="rejected")
    order, _ = paid("paid")
    again = PaymentFactory(order=order, status="refunded")
    endings["duplicate, refunded"] = post(
        order,
        ledger.payment_held(order, again),
        ledger.payment_refunded(order, again, house=Decimal(0), suspense=AMOUNT),
    )
    order = OrderFactory(amount=AMOUNT)
    under = PaymentFactory(order=order, amount=Decimal(60), status="succeeded")
    endings["under"] = post(order, ledger.payment_held(order, under))
    RefundFactory(payment=under)
    return endings
