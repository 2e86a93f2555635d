"""Old payments are booked as today's services would have booked them, and their orders go on from there."""

import uuid
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db.models import Sum

from exchanger.legacy.run import Limit
from web.models import Order, OrderStatus, Payment, PaymentStatus, Refund, RefundKind, Transaction
from web.services.fulfilment import order_call_off, order_complete, order_fail, order_process
from web.services.refunds import refund_approve, refund_confirm
from web.tests.factories import PublishedConfigurationFactory

OPERATOR = uuid.UUID(int=1)
MONEY = ["users", "orders", "payments"]
# An order's status, what its payments brought and came to, and then the balances in its first currency and what
# refunds are due; None where the order cannot be booked.
BOOKS = {
    "completed": ("completed", [("100", "paid")], {"client": -100, "house": 100}, {}),
    "paid": ("paid", [("100", "paid")], {"client": -100, "house": 100}, {}),
    "processing, another attempt failed": (
        "processing", [("100", "failed"), ("100", "paid")], {"client": -100, "house": 100}, {},
    ),
    "paid too much": (
        "completed", [("130", "paid")], {"client": -130, "house": 100, "suspense": 30}, {"excess": 30},
    ),
    "paid twice": (
        "completed", [("100", "paid"), ("100", "paid")], {"client": -200, "house": 100, "suspense": 100},
        {"payment": 100},
    ),
    "too little first": (
        "completed", [("40", "paid"), ("100", "paid")], {"client": -140, "house": 100, "suspense": 40},
        {"payment": 40},
    ),
    "paid, and the second went back": (
        "completed", [("100", "paid"), ("100", "refunded")], {"client": -100, "house": 100, "suspense": 0}, {},
    ),
    "pending and unpaid": ("pending", [("100", "pending")], {}, {}),
    "pending with too little": ("pending", [("40", "paid")], {"client": -40, "suspense": 40}, {"payment": 40}),
    "expired": ("expired", [("100", "paid")], {"client": -100, "suspense": 100}, {"payment": 100}),
    "cancelled": ("cancelled", [("100", "paid")], {"client": -100, "suspense": 100}, {"payment": 100}),
    "cancelled unpaid": ("cancelled", [], {}, {}),
    "failed": (
        "failed", [("120", "paid")], {"client": -120, "house": 0, "suspense": 120}, {"payment": 120},
    ),
    "failed unpaid": ("failed", [("100", "failed")], {}, {}),
    "refunded": ("refunded", [("120", "refunded")], {"client": 0, "house": 0, "suspense": 0}, {}),
    "refunded with too little": ("refunded", [("40", "refunded")], {"client": 0, "suspense": 0}, {}),
    "completed without a payment": ("completed", [], None, {}),
    "paid with too little": ("paid", [("99.99", "paid")], None, {}),
    "completed, and the money went back": ("completed", [("100", "refunded")], None, {}),
}  # fmt: skip


def test_each_order_has_the_books_that_its_payments_ask_for(old, take, world, as_context):
    user = old.person()
    orders = {}
    for name, (status, payments, _, _) in BOOKS.items():
        orders[name] = old.add("orders", user_id=user, status=status)
        for day, (amount, state) in enumerate(payments, 1):
            paid = {"amount": amount, "status": state, "created_at": f"2025-03-0{day}"}
            old.add("payments", order_id=orders[name], user_id=user, **paid)

    outcome = take(old, only=MONEY, limit=Limit(percent=100))

    with as_context(None):
        call_command("verify_ledger")
        found = {name: _books(order) for name, order in orders.items()}
    assert found == {name: None if books is None else (books, due) for name, (_, _, books, due) in BOOKS.items()}
    assert outcome.totals["orders"].rejected == 3
    assert outcome.totals["payments"].rejected == 2
    reasons = world.superuser("web").execute("SELECT reason, count(*) FROM legacy.rejects GROUP BY 1").fetchall()
    assert dict(reasons) == {"books:not_paid_for": 3, "books:order_not_taken": 2}


def _books(order_id):
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        return None
    entries = Transaction.objects.filter(order=order, currency="USD")
    balances = {row["account"]: row["sum"] for row in entries.values("account").annotate(sum=Sum("amount"))}
    return balances, {refund.kind: refund.amount for refund in Refund.objects.filter(order=order)}


def test_entries_are_as_old_as_what_they_tell_of(old, take, as_context):
    old.paid_order(old.person(), amount="100", exchange_rate="40.123456", updated_at="2025-03-02")
    take(old, only=MONEY)

    with as_context(None):
        entries = Transaction.objects.order_by("created_at", "account")
        told = [(entry.kind, entry.account, str(entry.amount.normalize()), entry.created_at.day) for entry in entries]
        payment = Payment.objects.get()
    assert told == [
        ("payment_received", "client", "-1E+2", 1),
        ("payment_received", "house", "1E+2", 1),
        ("order_completed", "client", "4012.34", 2),
        ("order_completed", "house", "-4012.34", 2),
    ]
    assert payment.received_at == payment.created_at


@pytest.mark.parametrize(("amount", "rate", "to"), [("0.01", "0.0001", "UAH"), ("9999999999", "9999999999", "JPY")])
def test_a_payout_that_cannot_be_booked_is_rejected(old, take, world, amount, rate, to):
    user = old.person()
    order = old.add("orders", user_id=user, amount=amount, exchange_rate=rate, to_currency=to)
    old.add("payments", order_id=order, user_id=user, amount=amount)

    take(old, only=MONEY, limit=Limit(percent=100))

    reasons = world.superuser("web").execute("SELECT reason FROM legacy.rejects ORDER BY 1").fetchall()
    assert reasons == [("books:order_not_taken",), ("books:payout_out_of_range",)]
    assert world.superuser("web").execute("SELECT count(*) FROM transactions").fetchone() == (0,)


def test_a_paid_order_is_completed_and_another_refunded_by_todays_services(old, take, as_context):
    user = old.person()
    first = old.paid_order(user, status="paid")
    second = old.paid_order(user, status="processing")
    third = old.paid_order(user, status="paid")
    take(old, only=MONEY)
    PublishedConfigurationFactory()

    with as_context("web"):
        order_process(order_id=first)
        order_complete(order_id=first)
        order_fail(order_id=second, reason="The bank returned it.")
        order_call_off(order_id=third, reason="The client asked.")
    with as_context(None):
        call_command("verify_ledger")
        assert Order.objects.get(pk=first).status == OrderStatus.COMPLETED
        assert set(Refund.objects.values_list("order_id", flat=True)) == {second, third}


def test_what_is_held_of_an_old_payment_goes_back_by_todays_services(old, take, as_context):
    user = old.person()
    order = old.add("orders", user_id=user, status="cancelled")
    payment = old.add("payments", order_id=order, user_id=user, payment_method="transfer")
    take(old, only=MONEY)
    with as_context("web"):
        refund = Refund.objects.get()
        assert (refund.kind, refund.amount, refund.status, refund.large) == (
            RefundKind.PAYMENT, Decimal(100), "requested", True,
        )  # fmt: skip
        refund_approve(refund_id=refund.pk, operator_id=OPERATOR)
        refund_confirm(refund_id=refund.pk, reference="BANK-1")
        assert Payment.objects.get(pk=payment).status == PaymentStatus.REFUNDED
    with as_context(None):
        call_command("verify_ledger")
