"""The declared moves against PostgreSQL's triggers, and what a row was made at against the owner itself."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import psycopg
import pytest
from django.utils import timezone

from web import transitions
from web.models import OrderStatus, PaymentStatus, RefundStatus
from web.tests.factories import OrderFactory, PaymentFactory, RefundFactory

MOVES = {
    "orders": (OrderFactory, OrderStatus, transitions.ORDERS),
    "payments": (PaymentFactory, PaymentStatus, transitions.PAYMENTS),
    "refunds": (RefundFactory, RefundStatus, transitions.REFUNDS),
}


@pytest.mark.parametrize("table", MOVES)
def test_postgresql_lets_a_row_make_the_declared_moves_and_no_other(table, world):
    made, statuses, declared = MOVES[table]
    owner = world.superuser("web")
    for before, after in product(statuses, statuses):
        row = made(status=before)
        moves = after == before or after in declared[before]
        update = f"UPDATE {table} SET status = %s WHERE id = %s"
        if moves:
            owner.execute(update, (after, row.pk))
        else:
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(update, (after, row.pk))
        found = owner.execute(f"SELECT status FROM {table} WHERE id = %s", (row.pk,)).fetchone()[0]
        assert found == (after if moves else before)


def test_every_status_has_its_moves_declared():
    for _, statuses, declared in MOVES.values():
        assert set(declared) == set(statuses)


FIGURES = [
    ("orders", "amount", Decimal(1)),
    ("orders", "exchange_rate", Decimal(1)),
    ("orders", "from_currency", "GBP"),
    ("orders", "to_currency", "GBP"),
    ("orders", "user_id", "00000000-0000-0000-0000-000000000001"),
    ("orders", "expires_at", "2100-01-01Z"),
    ("payments", "amount", Decimal(1)),
    ("payments", "payment_method", "other"),
    ("payments", "received_at", "2100-01-01Z"),
    ("refunds", "amount", Decimal(1)),
    ("refunds", "kind", "excess"),
    ("refunds", "large", True),
]


@pytest.mark.parametrize(("table", "column", "value"), FIGURES)
def test_nobody_changes_what_a_row_was_made_at_its_owner_included(table, column, value, world):
    row = MOVES[table][0]()
    owner = world.superuser("web")
    before = owner.execute(f"SELECT * FROM {table}").fetchall()
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", (value, row.pk))
    assert owner.execute(f"SELECT * FROM {table}").fetchall() == before


def test_what_a_payment_brought_is_said_once_when_it_comes(world):
    payment = PaymentFactory()
    owner = world.superuser("web")
    come = "UPDATE payments SET status = 'succeeded', amount = %s, received_at = %s WHERE id = %s"
    owner.execute(come, (Decimal(60), timezone.now(), payment.pk))
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(come, (Decimal(90), timezone.now() + timedelta(1), payment.pk))
    assert owner.execute("SELECT amount FROM payments").fetchone() == (Decimal(60),)


@pytest.mark.parametrize("second", [None, "the same"])
def test_a_large_refund_is_approved_by_nobody_and_not_by_who_requested_it(second, world):
    refund = RefundFactory(large=True, requested_by="00000000-0000-0000-0000-000000000001")
    approver = refund.requested_by if second else None
    with pytest.raises(psycopg.errors.CheckViolation):
        world.superuser("web").execute("UPDATE refunds SET status = 'approved', approved_by = %s", (approver,))
    assert world.superuser("web").execute("SELECT status FROM refunds").fetchone() == ("requested",)
