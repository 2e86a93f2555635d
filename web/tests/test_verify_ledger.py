"""``manage.py verify_ledger`` agrees with sound books, and names what has been bent, whatever it is."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from exchanger.testing import factories
from web import verification
from web.tests.books import completed, every_ending, paid
from web.tests.factories import OrderFactory, PaymentFactory


def verify():
    out = io.StringIO()
    with factories.as_owner():
        call_command("verify_ledger", stdout=out)
    return out.getvalue()


@pytest.fixture
def bend(world):
    """Runs SQL as the superuser, with every trigger and foreign key off."""

    def run(statement, *parameters):
        with world.superuser("web").transaction():
            world.superuser("web").execute("SET LOCAL session_replication_role = replica")
            assert world.superuser("web").execute(statement, parameters).rowcount > 0, "nothing was bent"

    return run


def refused(*named):
    with pytest.raises(CommandError) as found:
        verify()
    assert found.value.returncode == 1
    for each in named:
        assert str(each) in str(found.value), found.value


def test_sound_books_agree_whatever_happened_to_the_orders(world):
    endings = every_ending()
    assert f"all {len(endings) + 1} orders" in (completed() and verify())


def test_an_empty_ledger_agrees(world):
    assert "all 0 orders" in verify()


def test_the_books_of_many_orders_are_read_in_pages(world, monkeypatch):
    monkeypatch.setattr(verification, "BATCH", 2)
    for _ in range(5):
        completed()
    with factories.as_owner():
        assert list(verification.ledger_verify()) == [2, 4, 5]


INSERT = (
    "INSERT INTO transactions (id, order_id, payment_id, user_id, kind, account, currency, amount, description)"
    " SELECT gen_random_uuid(), order_id, payment_id, user_id, {kind}, account, currency, amount, ''"
    " FROM transactions WHERE order_id = %s AND kind = {source}"
)
BENT = {
    "an amount": ("UPDATE transactions SET amount = amount + 1 WHERE order_id = %s AND account = 'fees'", "UAH"),
    "both sides of a receipt": (
        "UPDATE transactions SET amount = amount * 2 WHERE order_id = %s AND kind = 'payment_received'",
        "should be client -100.00000000 USD, house +100.00000000 USD",
    ),
    "the payout": (
        "UPDATE transactions SET amount = amount * 2 WHERE order_id = %s AND kind = 'order_completed'",
        "payout is 8300",
    ),
    "a currency": ("UPDATE transactions SET currency = 'EUR' WHERE order_id = %s AND kind = 'payment_received'", "EUR"),
    "an account": ("UPDATE transactions SET account = 'suspense' WHERE order_id = %s AND account = 'fees'", "suspense"),
    "an entry's person": (
        "UPDATE transactions SET user_id = gen_random_uuid() WHERE order_id = %s AND account = 'fees'",
        "is of person",
    ),
    "an entry that is gone": ("DELETE FROM transactions WHERE order_id = %s AND account = 'fees'", "order_completed"),
    "a receipt that is gone": (
        "DELETE FROM transactions WHERE order_id = %s AND kind = 'payment_received'",
        "is not in the ledger",
    ),
    "a completion that is gone": (
        "DELETE FROM transactions WHERE order_id = %s AND kind = 'order_completed'",
        "payout is 0",
    ),
    "a set that nothing asks for": (
        INSERT.format(kind="'payment_refunded'", source="'payment_received'"),
        "nothing asks for it",
    ),
    "a cancellation of a completed order": (
        INSERT.format(kind="'order_cancelled'", source="'payment_received'"),
        "order_cancelled",
    ),
    "the order's status": ("UPDATE orders SET status = 'cancelled' WHERE id = %s", "nothing asks for it"),
    "the order's amount": ("UPDATE orders SET amount = amount + 1 WHERE id = %s", "payment"),
    "the order's rate": ("UPDATE orders SET exchange_rate = 42 WHERE id = %s", "payout is 4150"),
    "the payment's amount": ("UPDATE payments SET amount = amount + 1 WHERE order_id = %s", "payment_received"),
    "a payment that did not come": ("UPDATE payments SET status = 'failed' WHERE order_id = %s", "nothing asks for it"),
    "a refund without entries": ("UPDATE payments SET status = 'refunded' WHERE order_id = %s", "payment_refunded"),
    "the entries' order": (
        "UPDATE transactions SET order_id = gen_random_uuid() WHERE order_id = %s",
        "which is not there",
    ),
    "the entries' payment": (
        "UPDATE transactions SET payment_id = gen_random_uuid() WHERE order_id = %s AND payment_id IS NOT NULL",
        "is of payment",
    ),
}


@pytest.mark.parametrize("what", BENT)
def test_a_bent_book_is_named(what, bend):
    statement, words = BENT[what]
    completed()
    order = completed()
    completed()
    bend(statement, order.pk)
    if what == "the entries' order":
        refused(words)
    else:
        refused(words, order.pk)


def test_a_set_that_is_there_twice_is_named(bend, world):
    order = completed()
    web = world.superuser("web")
    definition = "UNIQUE NULLS NOT DISTINCT (order_id, kind, payment_id, account, currency)"
    web.execute("ALTER TABLE transactions DROP CONSTRAINT IF EXISTS transactions_once")
    try:
        bend(INSERT.format(kind="kind", source="'order_completed'"), order.pk)
        refused(order.pk, "8300")
    finally:
        world.empty()
        web.execute(f"ALTER TABLE transactions ADD CONSTRAINT transactions_once {definition}")


def test_a_payment_that_came_and_is_not_in_the_ledger_is_named(world):
    payment = PaymentFactory(status="succeeded")
    refused(payment.pk, payment.order_id, "payment_received", "is not in the ledger")


def test_a_completed_order_without_any_payment_is_named(world):
    order = OrderFactory(status="completed")
    refused(order.pk)


def test_two_payments_that_both_pay_are_named(bend):
    order, _ = paid("processing")
    again = PaymentFactory(order=order, status="succeeded")
    bend(
        "INSERT INTO transactions (id, order_id, payment_id, user_id, kind, account, currency, amount, description)"
        " SELECT gen_random_uuid(), order_id, %s, user_id, kind, account, currency, amount, ''"
        " FROM transactions WHERE order_id = %s",
        again.pk,
        order.pk,
    )
    refused(order.pk, "house has 200")


def test_a_payment_whose_order_is_gone_is_named(bend):
    payment = PaymentFactory(status="failed")
    bend("DELETE FROM orders WHERE id = %s", payment.order_id)
    refused(payment.pk, payment.order_id)


def test_the_refund_of_less_than_was_paid_is_named(bend):
    order, payment = paid("refunded", payment_status="refunded")
    bend(
        "INSERT INTO transactions (id, order_id, payment_id, user_id, kind, account, currency, amount, description)"
        " SELECT gen_random_uuid(), order_id, payment_id, user_id, 'payment_refunded', account, currency,"
        " -amount + sign(amount), '' FROM transactions WHERE order_id = %s",
        order.pk,
    )
    refused(payment.pk, "should be client +100.00000000 USD, house -100.00000000 USD")


def test_the_demos_books_agree(world):
    with factories.as_owner():
        call_command("seed_demo", stdout=io.StringIO())
    assert re.search(r"agrees with all [1-9]\d* orders", verify())
