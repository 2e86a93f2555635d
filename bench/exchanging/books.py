"""All that the platform and the card processor know in the end, read as their owners would."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from bench.exchanging.parts import Platform

Rows = Sequence[Any]
_WEB = {
    "orders": "SELECT id::text, user_id::text, from_currency, to_currency, amount, status, created_at FROM orders",
    "quotes": "SELECT id::text, order_id::text, to_amount FROM quotes WHERE order_id IS NOT NULL",
    "payments": "SELECT id::text, order_id::text, user_id::text, payment_method, amount, status, reference"
    " FROM payments",
    "refunds": "SELECT id::text, order_id::text, payment_id::text, amount, status, reference FROM refunds",
    "entries": "SELECT order_id::text, payment_id::text, user_id::text, kind, account, currency, amount"
    " FROM transactions",
    "keys": "SELECT key, body FROM idempotency_keys",
    "events": "SELECT e.id::text, d.order_id::text, d.sequence, e.event_type, e.event_data, d.delivered_at"
    " FROM event_deliveries d JOIN analytics_events e ON e.id = d.event_id ORDER BY d.order_id, d.sequence",
}
_BOT = {
    "inbox": "SELECT id::text, order_id::text, sequence, event_type, handled_at FROM event_inbox"
    " ORDER BY order_id, handled_at, sequence",
}
_ADMIN = {
    "trail": "SELECT l.action, l.resource_id, o.outcome FROM audit_logs l"
    " LEFT JOIN audit_outcomes o ON o.audit_id = l.id",
}
# Without Redis cache.replay fails, and is repeated by the schedule.
_FAILED_JOBS = "SELECT task_name FROM procrastinate_jobs WHERE status = 'failed' AND task_name <> 'cache.replay'"


@dataclass(frozen=True, slots=True)
class Books:
    """Rows as the statements above name their columns; ``charges`` and ``sent`` are the card processor's own.

    ``charges`` are those that succeeded, by our payment, and ``sent`` its refunds, by our refund.
    """

    orders: Rows
    quotes: Rows
    payments: Rows
    refunds: Rows
    entries: Rows
    keys: Rows
    events: Rows
    inbox: Rows
    trail: Rows
    charges: dict[str, dict[str, Any]]
    sent: dict[str, dict[str, Any]]
    failed_jobs: list[str]


def read_books(platform: Platform) -> Books:
    web, bot, admin = (platform.servers.superuser(alias) for alias in ("web", "bot", "admin"))
    found = {name: _rows(web, statement) for name, statement in _WEB.items()}
    found |= {name: _rows(bot, statement) for name, statement in _BOT.items()}
    found |= {name: _rows(admin, statement) for name, statement in _ADMIN.items()}
    with closing(sqlite3.connect(platform.state)) as books:
        charges = dict(books.execute("SELECT payment_id, document FROM charges"))
        sent = dict(books.execute("SELECT key, document FROM refunds"))
    known = {payment_id: json.loads(document) for payment_id, document in charges.items()}
    return Books(
        **found,
        charges={payment_id: charge for payment_id, charge in known.items() if charge["status"] == "succeeded"},
        sent={refund_id: json.loads(document) for refund_id, document in sent.items()},
        failed_jobs=[name for connection in (web, bot) for (name,) in connection.execute(_FAILED_JOBS)],
    )


def total(amounts: Any) -> Decimal:
    return sum(amounts, Decimal(0))


def _rows(connection: psycopg.Connection, statement: str) -> Rows:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement).fetchall()
