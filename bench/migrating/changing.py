"""What the old platform goes on doing between the first import and the night of the switch."""

from dataclasses import dataclass

import psycopg

from bench.migrating.office import HASH, PAIRS

SHARE = 0.001  # of the orders
ZONE = "Europe/Kyiv"  # of the old platform's clocks, which its times do not say
_NOW = f"now() AT TIME ZONE '{ZONE}'"


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of each table that are new, and orders that have changed."""

    new: dict[str, int]
    changed: dict[str, int]


def work_on(old: psycopg.Connection, seed: int, orders: int) -> Changes:
    """New people, their orders and payments; and orders that waited are completed."""
    number = max(3, round(orders * SHARE))
    key = "md5('{} night {} ' || k)::uuid"
    person, order, payment = (key.format(seed, table) for table in ("users", "orders", "payments"))
    source, target, rate = PAIRS[0]
    rows = f"FROM generate_series(1, {number}) k"
    old.execute(
        f"INSERT INTO users (id, email, password_hash, email_verified, created_at, updated_at)"
        f" SELECT {person}, 'night' || k || '@example.com', '{HASH}', true, {_NOW}, {_NOW} {rows}"
    )
    old.execute(
        "INSERT INTO orders (id, user_id, from_currency, to_currency, amount, exchange_rate, status, created_at,"
        f" updated_at) SELECT {order}, {person}, '{source}', '{target}', 100, {rate}, 'paid', {_NOW}, {_NOW} {rows}"
    )
    old.execute(
        "INSERT INTO payments (id, order_id, user_id, payment_method, amount, status, created_at)"
        f" SELECT {payment}, {order}, {person}, 'card', '100.00', 'succeeded', {_NOW} {rows}"
    )
    changed = old.execute(
        f"UPDATE orders SET status = 'completed', updated_at = {_NOW} WHERE id IN"  # noqa: S608
        f" (SELECT o.id FROM orders o JOIN payments p ON p.order_id = o.id AND p.status = 'succeeded'"
        f" WHERE o.status = 'processing' AND o.amount > 0 ORDER BY o.id LIMIT {number})"
    ).rowcount
    return Changes(dict.fromkeys(("users", "orders", "payments"), number), {"orders": changed})
