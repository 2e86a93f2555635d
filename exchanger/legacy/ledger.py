"""The ledger's entries for old payments: what today's services would have posted, at the old times.

Orders and payments are here by then. An order's books follow from its own status and those of its payments:

- An order that is worked for or done (paid, processing, completed) is paid by the first of its payments that succeeded
  and brought the whole amount; so is one that failed. A refunded one was paid by the first such that was refunded.
  That payment is *received*; what it brought too much is held, and a refund of it is requested.
- Any other payment that brought money is *held*, and a refund of it is requested: it was too little, a second one, or
  came to an order that was not paid, or not any more.
- A refunded payment went back whole. A failed order's payment is held again, and a refund of it is requested.
- A completed order's payout is its amount at its rate, rounded down to its currency's minor unit, without a fee.

Refunds that are requested wait for an operator; nothing is sent by itself. An order that is worked for or done without
a payment that pays for it, or whose payout cannot be booked, is taken out again with its payments and told as rejected.
The entry sets are those of ``web/ledger.py``; a test holds the two together by ``verify_ledger``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import psycopg

from exchanger.kernel.money.currencies import all_currencies
from exchanger.legacy.batches import Batch, Totals
from exchanger.legacy.chunk import UNTOUCHED
from exchanger.legacy.kinds import literal
from web.ledger import DESCRIPTIONS

STEP: Final = "ledger"
_REFUNDS: Final = "refunds"
_REASON: Final = "Imported: it was held when the old platform was left."
_WORKED_FOR: Final = "('paid', 'processing', 'completed')"

_DUE = """
CREATE TEMPORARY TABLE due AS
SELECT DISTINCT found.id FROM (
    SELECT unnest(c.ids) AS id FROM legacy.chunks c WHERE c.batch = %(batch)s AND c.table_name = 'orders'
    UNION ALL
    SELECT i.id FROM legacy.images i WHERE i.batch = %(batch)s AND i.table_name = 'orders' AND NOT i.removed
    UNION ALL
    SELECT p.order_id FROM payments p JOIN (
        SELECT unnest(c.ids) AS id FROM legacy.chunks c WHERE c.batch = %(batch)s AND c.table_name = 'payments'
        UNION ALL
        SELECT i.id FROM legacy.images i WHERE i.batch = %(batch)s AND i.table_name = 'payments' AND NOT i.removed
    ) changed ON changed.id = p.id
) found
WHERE %(after)s::uuid IS NULL OR found.id > %(after)s::uuid
"""
# `pays` is the payment that pays for its order; all others that arrived are held.
_PAYMENTS = f"""
CREATE TEMPORARY TABLE arrived AS
SELECT p.id, p.order_id, p.amount, p.status, p.received_at, o.user_id, o.amount AS asked, o.from_currency AS currency,
    o.status AS order_status, greatest(o.updated_at, p.updated_at) AS settled_at,
    pays.id IS NOT DISTINCT FROM p.id AS pays
FROM turn t JOIN orders o ON o.id = t.id JOIN payments p ON p.order_id = o.id
LEFT JOIN LATERAL (
    SELECT c.id FROM payments c WHERE c.order_id = o.id AND c.amount >= o.amount AND CASE
        WHEN o.status IN {_WORKED_FOR} OR o.status = 'failed' THEN c.status = 'succeeded'
        WHEN o.status = 'refunded' THEN c.status = 'refunded' END
    ORDER BY c.created_at, c.id LIMIT 1
) pays ON true
WHERE p.status IN ('succeeded', 'refunded')
"""
_PAYOUTS = f"""
CREATE TEMPORARY TABLE payouts AS
SELECT o.id AS order_id, o.user_id, o.to_currency AS currency, o.updated_at,
    trunc(o.amount * o.exchange_rate, p.places) AS gross
FROM turn t JOIN orders o ON o.id = t.id
JOIN (VALUES {", ".join(f"({literal(each.code)}, {each.places})" for each in all_currencies())}) p(code, places)
    ON p.code = o.to_currency
WHERE o.status = 'completed'
"""
_UNSOUND = f"""
CREATE TEMPORARY TABLE unsound AS
SELECT o.id, CASE
    WHEN NOT EXISTS (SELECT FROM arrived a WHERE a.order_id = o.id AND a.pays) THEN 'books:not_paid_for'
    ELSE 'books:payout_out_of_range' END AS reason
FROM turn t JOIN orders o ON o.id = t.id
WHERE o.status IN {_WORKED_FOR} AND (
    NOT EXISTS (SELECT FROM arrived a WHERE a.order_id = o.id AND a.pays)
    OR EXISTS (SELECT FROM payouts p WHERE p.order_id = o.id AND (p.gross <= 0 OR p.gross >= 1e10))
)
"""
_WANTED = """
CREATE TEMPORARY TABLE wanted AS
SELECT * FROM (
    SELECT a.order_id, a.id AS payment_id, a.user_id, line.kind, line.account, a.currency, line.amount,
        line.moment AS created_at
    FROM arrived a CROSS JOIN LATERAL (VALUES
        (a.pays, 'payment_received', 'client', -a.amount, a.received_at),
        (a.pays, 'payment_received', 'house', a.asked, a.received_at),
        (a.pays, 'payment_received', 'suspense', a.amount - a.asked, a.received_at),
        (NOT a.pays, 'payment_held', 'client', -a.amount, a.received_at),
        (NOT a.pays, 'payment_held', 'suspense', a.amount, a.received_at),
        (a.pays AND a.order_status = 'failed', 'payout_failed', 'house', -a.asked, a.settled_at),
        (a.pays AND a.order_status = 'failed', 'payout_failed', 'suspense', a.asked, a.settled_at),
        (a.pays AND a.status = 'refunded', 'payment_refunded', 'house', -a.asked, a.settled_at),
        (a.pays AND a.status = 'refunded', 'payment_refunded', 'suspense', a.asked - a.amount, a.settled_at),
        (NOT a.pays AND a.status = 'refunded', 'payment_refunded', 'suspense', -a.amount, a.settled_at),
        (a.status = 'refunded', 'payment_refunded', 'client', a.amount, a.settled_at)
    ) line(due, kind, account, amount, moment)
    WHERE line.due AND line.amount <> 0
    UNION ALL
    SELECT p.order_id, NULL, p.user_id, 'order_completed', line.account, p.currency, line.amount, p.updated_at
    FROM payouts p CROSS JOIN LATERAL (VALUES ('house', -p.gross), ('client', p.gross)) line(account, amount)
) entry
WHERE NOT EXISTS (SELECT FROM unsound u WHERE u.id = entry.order_id)
"""
_WANTED_REFUNDS = f"""
CREATE TEMPORARY TABLE wanted_refunds AS
SELECT a.order_id, a.id AS payment_id, CASE WHEN excess.due THEN 'excess' ELSE 'payment' END AS kind,
    CASE WHEN excess.due THEN a.amount - a.asked ELSE a.amount END AS amount, a.settled_at AS created_at
FROM arrived a CROSS JOIN LATERAL (SELECT a.pays AND a.order_status IN {_WORKED_FOR} AS due) excess
WHERE a.status = 'succeeded' AND (NOT excess.due OR a.amount > a.asked)
    AND NOT EXISTS (SELECT FROM unsound u WHERE u.id = a.order_id)
"""
# Orders whose books are not what they should be now, and those that somebody here has worked on.
_ANEW = f"""
CREATE TEMPORARY TABLE anew AS
SELECT o.id, EXISTS (
    SELECT FROM transactions t WHERE t.order_id = o.id AND NOT ({UNTOUCHED.format(table="'transactions'")})
    UNION ALL SELECT FROM refunds t WHERE t.order_id = o.id AND NOT ({UNTOUCHED.format(table="'refunds'")})
) AS touched
FROM turn o
WHERE EXISTS (SELECT FROM transactions t WHERE t.order_id = o.id) AND (
    EXISTS (SELECT FROM unsound u WHERE u.id = o.id)
    OR EXISTS (
        (SELECT w.payment_id, w.kind, w.account, w.currency, w.amount FROM wanted w WHERE w.order_id = o.id
         EXCEPT ALL
         SELECT t.payment_id, t.kind, t.account, t.currency, t.amount FROM transactions t WHERE t.order_id = o.id)
        UNION ALL
        (SELECT t.payment_id, t.kind, t.account, t.currency, t.amount FROM transactions t WHERE t.order_id = o.id
         EXCEPT ALL
         SELECT w.payment_id, w.kind, w.account, w.currency, w.amount FROM wanted w WHERE w.order_id = o.id)
    )
)
"""
_REMOVED = {
    "transactions": "SELECT t.id FROM transactions t JOIN anew n ON n.id = t.order_id WHERE NOT n.touched",
    "refunds": "SELECT t.id FROM refunds t JOIN anew n ON n.id = t.order_id WHERE NOT n.touched",
}
_WITHDRAWN = {
    "payments": "SELECT t.id FROM payments t JOIN unsound u ON u.id = t.order_id WHERE NOT u.touched",
    "orders": "SELECT t.id FROM orders t JOIN unsound u ON u.id = t.id WHERE NOT u.touched",
}
_OURS = UNTOUCHED.format(table="'orders'")
_TABLES = "turn, arrived, payouts, unsound, wanted, wanted_refunds, anew"


@dataclass
class LedgerStep:
    """Posts the books of the orders that the batch has brought or changed, some orders at a time.

    ``steps`` are the names of those that brought orders and payments, by the table.
    """

    connection: psycopg.Connection
    batch: Batch
    steps: Mapping[str, str]

    def prepare(self, after: str | None) -> int:
        """Find the orders whose books are due, behind the order ``after``; returns how many there are."""
        self.connection.execute(b"DROP TABLE IF EXISTS due")
        self.connection.execute(_DUE, {"batch": self.batch.number, "after": after})
        self.connection.execute(b"CREATE UNIQUE INDEX due_id ON due (id)")
        # Nobody has counted the rows that have just come: uncounted, a payment is looked for among all of them.
        self.connection.execute(b"ANALYZE due, orders, payments")
        return self._count("SELECT count(*) FROM due")

    def take(self, number: int, after: str | None, size: int) -> tuple[Totals, str | None]:
        """The books of the next ``size`` orders in the transaction under way; the last one of them, None at the end.

        ``read`` and ``rejected`` count orders, ``taken`` entries.
        """
        self.connection.execute(f"DROP TABLE IF EXISTS {_TABLES}".encode())
        self.connection.execute(
            b"CREATE TEMPORARY TABLE turn AS"
            b" SELECT id FROM due WHERE %s::uuid IS NULL OR id > %s::uuid ORDER BY id LIMIT %s",
            (after, after, size),
        )
        self._execute("ANALYZE turn")
        last = self.connection.execute(b"SELECT id::text FROM turn ORDER BY id DESC LIMIT 1").fetchone()
        read = self._count("SELECT count(*) FROM turn")
        # Each of these is looked up by its order once for every order of the turn.
        for statement, table in (
            (_PAYMENTS, "arrived"),
            (_PAYOUTS, "payouts"),
            (_UNSOUND, "unsound"),
            (_WANTED, "wanted"),
            (_WANTED_REFUNDS, "wanted_refunds"),
        ):
            self._execute(statement)
            self._execute(f"CREATE INDEX ON {table} ({'id' if table == 'unsound' else 'order_id'}); ANALYZE {table}")
        changed = self._undo()
        withdrawn = self._withdraw()
        taken = self._post(number, read, last[0] if last else after, finished=read < size, changed=changed)
        return Totals(read, taken, changed, rejected=withdrawn), last[0] if last and read == size else None

    def _undo(self) -> int:
        """Take back what an earlier run posted of orders that the old platform has changed since."""
        self._execute(_ANEW)
        self._reject("orders", "SELECT id FROM anew WHERE touched", "changed_here", taken=True)
        changed = self._count("SELECT count(*) FROM anew WHERE NOT touched")
        if changed:
            self._remove(_REMOVED, key="t.order_id IN (SELECT id FROM anew WHERE NOT touched)")
        return changed

    def _withdraw(self) -> int:
        """Take out again what cannot be booked, unless somebody here has worked on it."""
        self._execute(
            "ALTER TABLE unsound ADD touched boolean;"
            " UPDATE unsound u SET touched = EXISTS (SELECT FROM transactions t WHERE t.order_id = u.id)"
            " OR EXISTS (SELECT FROM refunds r WHERE r.order_id = u.id)"
            " OR EXISTS (SELECT FROM quotes q WHERE q.order_id = u.id)"
            f" OR EXISTS (SELECT FROM orders t WHERE t.id = u.id AND NOT ({_OURS}))"
        )
        withdrawn = self._count("SELECT count(*) FROM unsound WHERE NOT touched")
        if not self._count("SELECT count(*) FROM unsound"):
            return 0
        self._reject("orders", "SELECT id FROM unsound WHERE touched", "changed_here", taken=True)
        for table, reason in (("payments", "'books:order_not_taken'"), ("orders", "u.reason")):
            self._execute(
                "INSERT INTO legacy.rejects (batch, step, table_name, id, reason, row)"
                f" SELECT {self._named(table)}, t.id, {reason}, to_jsonb(t)"
                f" FROM {table} t JOIN unsound u ON u.id = t.{'id' if table == 'orders' else 'order_id'}"
                " WHERE NOT u.touched"
            )
        self._keep_images(_WITHDRAWN)
        self._execute("DELETE FROM payments t USING unsound u WHERE u.id = t.order_id AND NOT u.touched")
        self._execute("DELETE FROM orders t USING unsound u WHERE u.id = t.id AND NOT u.touched")
        return withdrawn

    def _post(self, number: int, read: int, last: str | None, *, finished: bool, changed: int) -> int:
        descriptions = " ".join(f"WHEN {literal(kind)} THEN {literal(text)}" for kind, text in DESCRIPTIONS.items())
        # Apart from the INSERT: in one statement with it, PostgreSQL may look through a table that it found empty, and
        # that grows under its eyes, once for each entry.
        self._execute("DELETE FROM wanted w WHERE EXISTS (SELECT FROM transactions t WHERE t.order_id = w.order_id)")
        taken = self._noted(
            STEP,
            "transactions",
            "INSERT INTO transactions (order_id, payment_id, user_id, kind, account, currency, amount, description,"
            " created_at) SELECT w.order_id, w.payment_id, w.user_id, w.kind, w.account, w.currency, w.amount,"
            f" CASE w.kind {descriptions} END, w.created_at FROM wanted w",
            (number, read, last, finished, changed),
        )
        # A refund that is large wants a second operator; whoever approves this one is the first to have seen it.
        self._noted(
            _REFUNDS,
            "refunds",
            "INSERT INTO refunds (order_id, payment_id, kind, amount, large, reason, status, created_at, updated_at)"
            f" SELECT w.order_id, w.payment_id, w.kind, w.amount, true, {literal(_REASON)}, 'requested', w.created_at,"
            " w.created_at FROM wanted_refunds w ON CONFLICT DO NOTHING",
            (number, 0, last, finished, 0),
        )
        return taken

    def _noted(self, step: str, table: str, insert: str, progress: tuple[int, int, str | None, bool, int]) -> int:
        number, read, last, finished, changed = progress
        row = self.connection.execute(
            f"WITH made AS ({insert} RETURNING id) INSERT INTO legacy.chunks (batch, step, number, table_name,"
            " last_key, finished, read, taken, changed, same, rejected, ids)"
            f" SELECT {self.batch.number}, {literal(step)}, %s, {literal(table)}, %s, %s, %s, count(*), %s, 0, 0,"
            " coalesce(array_agg(id), '{}') FROM made RETURNING taken".encode(),
            (number, [last] if last else None, finished, read, changed),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _reject(self, table: str, ids: str, reason: str, *, taken: bool) -> None:
        self._execute(
            "INSERT INTO legacy.rejects (batch, step, table_name, id, reason, taken)"
            f" SELECT {self._named(table)}, found.id, {literal(reason)}, {taken}"
            f" FROM ({ids}) found"
        )

    def _named(self, table: str) -> str:
        return f"{self.batch.number}, {literal(self.steps[table])}, {literal(table)}"

    def _remove(self, found: dict[str, str], key: str) -> None:
        self._keep_images(found)
        self._execute("ALTER TABLE transactions DISABLE TRIGGER transactions_append_only")
        for table in found:
            self._execute(f"DELETE FROM {table} t WHERE {key}")
        self._execute("ALTER TABLE transactions ENABLE TRIGGER transactions_append_only")

    def _keep_images(self, found: dict[str, str]) -> None:
        """Of rows that an earlier batch had brought: a roll-back of this one puts them back."""
        own = f"SELECT xid % 4294967296 FROM legacy.chunks WHERE batch = {self.batch.number}"
        for table, rows in found.items():
            self._execute(
                "INSERT INTO legacy.images (batch, table_name, id, removed, row)"
                f" SELECT {self.batch.number}, {literal(table)}, gone.id, true, to_jsonb(gone) FROM {table} gone"
                f" WHERE gone.id IN ({rows}) AND gone.xmin::text::bigint NOT IN ({own})"
            )

    def _count(self, statement: str) -> int:
        row = self.connection.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def _execute(self, statement: str) -> psycopg.Cursor:
        return self.connection.execute(statement.encode())
