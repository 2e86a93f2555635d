"""The entry sets that may be written, and the one function that writes them."""

import threading
from decimal import Decimal

import psycopg
import pytest
from django.db import IntegrityError, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from web import ledger
from web.ledger import EntrySet, WrongEntries
from web.models import Account, EntryKind, Order, Payment, Transaction
from web.services.ledger import AlreadyPosted, ledger_post
from web.tests.books import AMOUNT, every_ending, paid
from web.tests.factories import OrderFactory, PaymentFactory

amounts = st.decimals(min_value="0.00000001", max_value=10**9, places=8)


@given(amount=amounts, brought=amounts, fee=amounts)
def test_every_declared_set_balances_or_is_refused(amount, brought, fee):
    order = Order(from_currency="USD", to_currency="UAH", amount=amount, exchange_rate=1)
    payment = Payment(order=order, amount=brought)
    makers = (
        lambda: ledger.payment_received(order, payment),
        lambda: ledger.payment_held(order, payment),
        lambda: ledger.order_completed(order, gross=amount, fee=fee),
        lambda: ledger.payout_failed(order, payment),
        lambda: ledger.order_cancelled(order, payment),
        lambda: ledger.fee_charged(order, payment, fee=fee),
        lambda: ledger.excess_refunded(order, payment),
        lambda: ledger.payment_refunded(order, payment, house=amount, suspense=fee),
    )
    made = []
    for make in makers:
        try:
            made.append(make())
        except WrongEntries:
            continue
    assert {EntryKind.PAYMENT_HELD, EntryKind.PAYOUT_FAILED} <= {each.kind for each in made}
    for each in made:
        assert sum(entry for _, entry in each.entries) == 0
        assert all(entry != 0 for _, entry in each.entries)


def test_a_set_that_does_not_balance_cannot_be_made():
    for entries in (
        ((Account.CLIENT, Decimal(-1)), (Account.HOUSE, Decimal(2))),
        ((Account.CLIENT, Decimal(0)),),
        ((Account.CLIENT, Decimal(-1)), (Account.CLIENT, Decimal(1))),
        (),
    ):
        with pytest.raises(WrongEntries):
            EntrySet(EntryKind.PAYMENT_HELD, "USD", entries)


def test_each_kind_of_the_model_has_a_description():
    assert set(ledger.DESCRIPTIONS) == set(EntryKind)


def signs(entry_set):
    return dict(entry_set.entries)


def test_the_sets_say_what_the_chart_says():
    order = OrderFactory.build(amount=Decimal(100))
    payment = PaymentFactory.build(order=order, amount=Decimal(130))
    assert signs(ledger.payment_received(order, payment)) == {"client": -130, "house": 100, "suspense": 30}
    assert signs(ledger.payment_held(order, payment)) == {"client": -130, "suspense": 130}
    done = ledger.order_completed(order, gross=Decimal(4150), fee=Decimal(20))
    assert (done.currency, signs(done)) == ("UAH", {"house": -4150, "client": 4130, "fees": 20})
    assert signs(ledger.payout_failed(order, payment)) == {"house": -100, "suspense": 100}
    assert signs(ledger.order_cancelled(order, payment)) == {"house": -100, "suspense": 100}
    assert signs(ledger.fee_charged(order, payment, fee=Decimal(5))) == {"suspense": -5, "fees": 5}
    assert signs(ledger.excess_refunded(order, payment)) == {"suspense": -30, "client": 30}
    back = ledger.payment_refunded(order, payment, house=Decimal(100), suspense=Decimal(30))
    assert signs(back) == {"house": -100, "suspense": -30, "client": 130}
    payment.amount = Decimal(100)
    assert signs(ledger.payment_received(order, payment)) == {"client": -100, "house": 100}
    with pytest.raises(WrongEntries):
        ledger.excess_refunded(order, payment)
    payment.amount = Decimal("99.99")
    with pytest.raises(WrongEntries):
        ledger.payment_received(order, payment)


@pytest.mark.context("web")
def test_an_event_is_posted_once_and_a_second_time_is_told_and_changes_nothing():
    order = OrderFactory(status="paid")
    payment = PaymentFactory(order=order, status="succeeded")
    received = ledger.payment_received(order, payment)
    with transaction.atomic(using="web"):
        written = ledger_post(order=order, entry_set=received)
        with pytest.raises(AlreadyPosted):
            ledger_post(order=order, entry_set=received)
    kept = Transaction.objects.order_by("amount")
    assert {entry.pk for entry in kept} == {entry.pk for entry in written}
    assert [(entry.account, entry.amount) for entry in kept] == [("client", -100), ("house", 100)]
    assert {(entry.user_id, entry.payment_id, entry.kind) for entry in kept} == {
        (order.user_id, payment.pk, "payment_received")
    }


@pytest.mark.parametrize("context", ["web", "admin"])
def test_whoever_moves_an_order_writes_its_entries(context, as_context):
    order, payment = paid()
    with as_context(context), transaction.atomic(using="web"):
        ledger_post(order=order, entry_set=ledger.order_cancelled(order, payment))
    with as_context("web"):
        assert Transaction.objects.filter(order=order).count() == 4


@pytest.mark.context("web")
def test_two_who_post_the_same_at_once_post_it_once(as_context):
    order = OrderFactory(status="paid")
    payment = PaymentFactory(order=order, status="succeeded")
    together, outcomes = threading.Barrier(2), []

    def write():
        try:
            together.wait()
            with transaction.atomic(using="web"):
                ledger_post(order=order, entry_set=ledger.payment_received(order, payment))
            outcomes.append("written")
        except AlreadyPosted:
            outcomes.append("already")
        finally:
            connections["web"].close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already", "written"]
    assert Transaction.objects.count() == 2


# --- PostgreSQL's own rules


def entry(order, amount, *, account="client", kind="payment_held"):
    return Transaction(
        order=order, user_id=order.user_id, kind=kind, account=account, currency="USD", amount=Decimal(amount)
    )


def commit(entries, *, looking=False):
    """Write entries in one transaction; ``looking`` has the constraints checked before the last one."""
    with transaction.atomic(using="web"):
        for each in entries[:-1]:
            each.save(force_insert=True)
        if looking:
            with connections["web"].cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        entries[-1].save(force_insert=True)


@pytest.mark.context("web")
def test_what_does_not_sum_to_zero_does_not_commit():
    order = OrderFactory()
    for entries in (
        [entry(order, 1)],
        [entry(order, 1), entry(order, "-0.99999999", account="house")],
        [entry(order, 1), entry(OrderFactory(), -1, account="house")],
    ):
        with pytest.raises(IntegrityError, match="not zero"):
            commit(entries)
    assert Transaction.objects.count() == 0
    commit([entry(order, 1), entry(order, -1, account="house")])
    assert Transaction.objects.count() == 2


@pytest.mark.context("web")
def test_looking_early_lets_nothing_through():
    order = OrderFactory()
    balanced = [entry(order, 1), entry(order, -1, account="house")]
    with pytest.raises(IntegrityError, match="not zero"):
        commit([*balanced, entry(order, 5, account="suspense")], looking=True)
    assert Transaction.objects.count() == 0


@pytest.mark.context("web")
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_two_halves_from_two_transactions_are_refused_whichever_commits_first(world, isolation):
    """Neither may lean on what the other has not committed, nor on what it has."""
    order = OrderFactory()
    insert = (
        "INSERT INTO transactions (id, order_id, user_id, kind, account, currency, amount, description)"
        " VALUES (gen_random_uuid(), %s, %s, 'payment_held', %s, 'USD', %s, '')"
    )
    dsn = world.environments.for_process("web")["WEB_DATABASE_URL"]
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as two:
        for connection, account, amount in ((one, "client", 5), (two, "house", -5)):
            connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            connection.execute(insert, (order.pk, order.user_id, account, amount))
        for connection in (one, two):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.commit()
    assert Transaction.objects.count() == 0


@pytest.mark.context("web")
def test_an_entry_of_an_unknown_kind_is_refused():
    order = OrderFactory()
    with pytest.raises(IntegrityError, match="transactions_kind_known"), transaction.atomic(using="web"):
        entry(order, 1, kind="gift").save(force_insert=True)


def test_what_is_written_of_every_ending_leaves_nothing_unaccounted(world, as_context):
    endings = every_ending()
    assert endings["completed"].amount == AMOUNT
    with as_context("web"):
        for name, order in endings.items():
            entries = list(Transaction.objects.filter(order=order))
            for currency in {found.currency for found in entries}:
                assert sum(found.amount for found in entries if found.currency == currency) == 0, name
