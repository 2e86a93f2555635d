"""Sums of money on both sides, and what the ledger makes of the old payments.

A payment's currency is the one that its order gives. The ledger's side is read from its entries alone; the old one is
worked out from orders and payments, by the rules that docs/migration.md states.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from exchanger.kernel.money.currencies import MOST_PLACES, all_currencies
from exchanger.legacy.verification.checksums import Reading
from exchanger.legacy.verification.results import SumResult

Connection = psycopg.Connection[Any]
Sums = dict[tuple[str, str], tuple[int, Decimal]]
"""By status (or event) and currency: how many, and how much."""

_ORDERS = "SELECT o.status, o.from_currency, count(*), sum(o.amount::numeric) FROM ({orders}) AS o GROUP BY 1, 2"
_PAYMENTS = (
    "SELECT p.status, o.from_currency, count(*), sum(p.amount::numeric)"
    " FROM ({payments}) AS p JOIN ({orders}) AS o ON o.id = p.order_id GROUP BY 1, 2"
)
_EXPECTED_MOVES = """
    WITH o AS ({orders}), p AS ({payments}),
    places (currency, digits) AS (VALUES {places})
    SELECT 'received from clients', o.from_currency, count(*), sum(p.amount::numeric)
    FROM p JOIN o ON o.id = p.order_id WHERE p.status IN ('succeeded', 'refunded') GROUP BY 2
    UNION ALL
    SELECT 'returned to clients', o.from_currency, count(*), sum(p.amount::numeric)
    FROM p JOIN o ON o.id = p.order_id WHERE p.status = 'refunded' GROUP BY 2
    UNION ALL
    SELECT 'paid out to clients', o.to_currency, count(*),
        sum(trunc(o.amount::numeric * o.exchange_rate::numeric, places.digits))
    FROM o JOIN places ON places.currency = o.to_currency
    WHERE o.status = 'completed'
    GROUP BY 2
"""
_BOOKED_MOVES = """
    SELECT CASE WHEN kind IN ('payment_received', 'payment_held') THEN 'received from clients'
            WHEN kind = 'order_completed' THEN 'paid out to clients' ELSE 'returned to clients' END,
        currency, count(*), sum(CASE WHEN kind IN ('payment_received', 'payment_held') THEN -amount ELSE amount END)
    FROM transactions WHERE account = 'client' GROUP BY 1, 2
"""
_UNBALANCED = """
    SELECT count(*), coalesce(sum(abs(balance)), 0)
    FROM (SELECT sum(amount) AS balance FROM transactions GROUP BY order_id, currency) AS balances WHERE balance <> 0
"""


def compare_money(
    old: Connection, new: Connection, expected: dict[str, Reading], actual: dict[str, Reading]
) -> Iterator[SumResult]:
    """Orders and payments by status and currency, the ledger by event and currency, and its balance."""
    for what, query in (("orders", _ORDERS), ("payments", _PAYMENTS)):
        yield from _beside(what, _sums(old, query, expected), _sums(new, query, actual))
    yield from _beside("ledger", _sums(old, _EXPECTED_MOVES, expected), _sums(new, _BOOKED_MOVES, actual))
    unbalanced, off = new.execute(_UNBALANCED).fetchone() or (0, Decimal(0))
    yield SumResult("ledger", "orders whose entries do not sum to zero", "", 0, unbalanced, Decimal(0), Decimal(off))


def _sums(connection: Connection, query: str, readings: dict[str, Reading]) -> Sums:
    found = connection.execute(
        sql.SQL(query).format(orders=readings["orders"].query, payments=readings["payments"].query, places=_places())
    )
    return {(status, currency): (rows, Decimal(amount)) for status, currency, rows, amount in found}


def _places() -> sql.Composable:
    return sql.SQL(", ").join(
        sql.SQL("({}, {})").format(sql.Literal(each.code), sql.Literal(min(each.places, MOST_PLACES)))
        for each in all_currencies()
    )


def _beside(what: str, old: Sums, new: Sums) -> Iterator[SumResult]:
    nothing = 0, Decimal(0)
    for status, currency in sorted(old.keys() | new.keys()):
        (old_rows, old_sum), (new_rows, new_sum) = (side.get((status, currency), nothing) for side in (old, new))
        yield SumResult(what, status, currency, old_rows, new_rows, old_sum, new_sum)
