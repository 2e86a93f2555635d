"""Takes out what a batch has brought, so that the four databases are what they were before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import psycopg

from exchanger.kernel.contexts import ALIASES, IDENTITY
from exchanger.legacy.batches import Batch, ImportRefused, Targets, find_batch, has_books, read_batches
from exchanger.legacy.chunk import UNTOUCHED
from exchanger.legacy.kinds import literal
from exchanger.legacy.mapping import quoted
from exchanger.legacy.shapes import Conventions, Shape, shapes

# Tables that no mapping fills, with their keys, whose rows an import makes or work here hangs on what it brought.
_MADE_HERE: Final = {"transactions": "id", "refunds": "id", "quotes": "id"}
# Rows of these tables that refer to a row of the batch without being of it themselves would go with it, or keep it.
_DEPENDENT: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "users": (("user_permissions", "user_id", "id"), ("user_profiles", "user_id", "user_id")),
    "orders": (
        ("payments", "order_id", "id"),
        ("transactions", "order_id", "id"),
        ("refunds", "order_id", "id"),
        ("quotes", "order_id", "id"),
        ("event_deliveries", "order_id", "event_id"),
    ),
    "exchange_rates": (("quotes", "rate_id", "id"), ("quotes", "cross_rate_id", "id")),
    "conversations": (("messages", "conversation_id", "id"),),
}
# Whose rows they are, in the other databases.
_OF_PEOPLE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "web": (("orders", "user_id"), ("payments", "user_id"), ("quotes", "user_id"), ("analytics_events", "user_id")),
    "admin": (("audit_logs", "admin_id"), ("reports", "generated_by"), ("admin_settings", "updated_by")),
    "bot": (("conversations", "user_id"), ("notifications", "user_id"), ("rate_alerts", "user_id")),
}
_GUARDS: Final = {
    "web": (
        ("orders", "orders_moves"),
        ("orders", "orders_figures"),
        ("payments", "payments_moves"),
        ("payments", "payments_figures"),
        ("transactions", "transactions_append_only"),
        ("quotes", "quotes_taken_for_good"),
    ),
    "admin": (
        ("audit_logs", "audit_logs_append_only"),
        ("audit_outcomes", "audit_outcomes_append_only"),
        ("audit_chain", "audit_chain_append_only"),
    ),
}
_NEWER_LINKS: Final = """
SELECT EXISTS (
    SELECT FROM audit_chain c WHERE c.seq > (
        SELECT min(o.seq) FROM audit_chain o JOIN gone g ON g.id = o.row_id AND g.table_name = 'audit_logs'
    ) AND NOT EXISTS (SELECT FROM gone g WHERE g.id = c.row_id AND g.table_name IN ('audit_logs', 'audit_outcomes'))
)
"""


@dataclass
class RollBack:
    """``even_changed`` takes out what has been worked on here too; ``keep_audit`` leaves the audit trail as it is."""

    connections: Targets
    even_changed: bool = False
    keep_audit: bool = False
    _shapes: Mapping[str, Shape] = field(init=False)

    def __post_init__(self) -> None:
        self._shapes = shapes(Conventions("UTC", {}, {}))

    def run(self, number: int) -> dict[str, int]:
        """Take out batch ``number``; returns how many rows of each table went. Each database commits by itself.

        Interrupted, it is done again and goes on where it was.

        Raises:
            ImportRefused: there is no such batch, it is sealed, a later one stands on it, or something here does.
        """
        batch = find_batch(self.connections, number)
        self._check_state(batch)
        for alias in ALIASES:
            self._find_gone(alias, batch)
        problems = [problem for alias in ALIASES for problem in self._problems(alias)]
        if problems and not self.even_changed:
            raise ImportRefused(
                "It cannot be taken out any more without losing work that was done here: "
                + "; ".join(problems)
                + ". With --even-changed it goes all the same."
            )
        if not self.keep_audit and self._audit_followed():
            raise ImportRefused(
                "Audit entries were written after those of the batch, and taking these out would bend the chain: "
                "with --keep-audit they stay, and all else goes."
            )
        counts: dict[str, int] = {}
        for alias in reversed(ALIASES):
            self._find_dependent(alias)
            counts |= self._take_out(alias, batch)
            self.connections[alias].commit()
        return counts

    def _check_state(self, batch: Batch) -> None:
        if batch.state in ("sealed", "rolled back"):
            raise ImportRefused(f"Batch {batch.number} is {batch.state}: there is no way back from that.")
        later = [each.number for each in read_batches(self.connections) if each.number > batch.number]
        standing = [number for number in later if find_batch(self.connections, number).state not in ("rolled back",)]
        if standing:
            raise ImportRefused(f"Batch {standing[-1]} came after it: take that out first.")

    def _find_gone(self, alias: str, batch: Batch) -> None:
        """``gone``: the rows that the batch has brought; ``people``: those of them who are people."""
        connection = self.connections[alias]
        connection.execute(b"DROP TABLE IF EXISTS gone, people")
        connection.execute(b"CREATE TEMPORARY TABLE gone (table_name text NOT NULL, id uuid NOT NULL)")
        if has_books(connection):
            connection.execute(
                "INSERT INTO gone SELECT table_name, unnest(ids) FROM legacy.chunks WHERE batch = %s", (batch.number,)
            )
        if alias == "admin":
            connection.execute(
                b"INSERT INTO gone SELECT 'audit_outcomes', o.id FROM gone g JOIN audit_outcomes o ON o.audit_id = g.id"
                b" WHERE g.table_name = 'audit_logs'"
            )
        connection.execute(b"CREATE INDEX ON gone (id)")
        connection.execute(b"ANALYZE gone")
        connection.execute(b"CREATE TEMPORARY TABLE people (id uuid PRIMARY KEY)")
        people = "SELECT DISTINCT id FROM gone WHERE table_name = 'users'"
        if alias == IDENTITY:
            connection.execute(f"INSERT INTO people {people}".encode())
            return
        with (
            self.connections[IDENTITY].cursor().copy(f"COPY ({people}) TO STDOUT".encode()) as coming,
            connection.cursor().copy(b"COPY people FROM STDIN") as going,
        ):
            for row in coming:
                going.write(row)

    def _find_dependent(self, alias: str) -> None:
        """What was added here to rows of the batch goes with them: there is some only when the operator wants that."""
        tables = self._tables(alias)
        for table in tables:
            for dependent, column, key in _DEPENDENT.get(table, ()):
                if dependent in tables:
                    self._execute(
                        alias,
                        f"INSERT INTO gone SELECT {literal(dependent)}, d.{key} FROM gone g JOIN {dependent} d"
                        f" ON d.{column} = g.id WHERE g.table_name = {literal(table)} AND NOT EXISTS ("
                        f"SELECT FROM gone o WHERE o.id = d.{key} AND o.table_name = {literal(dependent)})",
                    )

    def _problems(self, alias: str) -> list[str]:
        """What was worked on here since, and what was added here to what the batch brought."""
        found = []
        for table, key in self._tables(alias).items():
            if not has_books(self.connections[alias]):
                continue
            touched = self._count(
                alias,
                f"SELECT count(*) FROM gone g JOIN {table} t ON t.{key} = g.id WHERE g.table_name = {literal(table)}"
                f" AND NOT ({UNTOUCHED.format(table=literal(table))})",
            )
            if touched:
                found.append(f"{touched:,} rows of {table} were changed")
            for dependent, column, own_key in _DEPENDENT.get(table, ()):
                added = self._count(
                    alias,
                    f"SELECT count(*) FROM gone g JOIN {dependent} d ON d.{column} = g.id"
                    f" WHERE g.table_name = {literal(table)}"
                    f" AND NOT EXISTS (SELECT FROM gone o WHERE o.id = d.{own_key}"
                    f" AND o.table_name = {literal(dependent)})",
                )
                if added:
                    found.append(f"{added:,} rows of {dependent} were added to rows of {table}")
        for table, column in _OF_PEOPLE.get(alias, ()):
            added = self._count(
                alias,
                f"SELECT count(*) FROM {table} t WHERE t.{column} IN (SELECT id FROM people)"
                f" AND NOT EXISTS (SELECT FROM gone g WHERE g.id = t.{self._tables(alias).get(table, 'id')}"
                f" AND g.table_name = {literal(table)})",
            )
            if added:
                found.append(f"{added:,} rows of {table} are of people whom the batch brought")
        return found

    def _audit_followed(self) -> bool:
        row = self.connections["admin"].execute(_NEWER_LINKS.encode()).fetchone()
        return bool(row and row[0])

    def _take_out(self, alias: str, batch: Batch) -> dict[str, int]:
        connection = self.connections[alias]
        if not has_books(connection):
            return {}
        for table, trigger in _GUARDS.get(alias, ()):
            self._execute(alias, f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        counts = self._delete(alias)
        self._restore(alias, batch)
        self._execute(alias, "SET CONSTRAINTS ALL IMMEDIATE")  # no trigger is switched on again while checks wait
        for table, trigger in _GUARDS.get(alias, ()):
            self._execute(alias, f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
        connection.execute("DELETE FROM legacy.chunks WHERE batch = %s", (batch.number,))
        # What is restored bears this transaction's number: it is known, so that the batch before can go as well.
        connection.execute(
            "INSERT INTO legacy.chunks (batch, step, number, table_name, finished, read, taken, changed, same,"
            " rejected, ids) SELECT DISTINCT batch, 'roll-back ' || table_name, 0, table_name, false, 0, 0, 0, 0, 0,"
            " '{}'::uuid[] FROM legacy.images WHERE batch = %s",
            (batch.number,),
        )
        for books in ("images", "rejects"):
            connection.execute(f"DELETE FROM legacy.{books} WHERE batch = %s".encode(), (batch.number,))
        connection.execute("UPDATE legacy.batches SET rolled_back_at = now() WHERE number = %s", (batch.number,))
        return counts

    def _delete(self, alias: str) -> dict[str, int]:
        """Rows before those that they refer to."""
        counts = {}
        tables = self._tables(alias)
        if alias == IDENTITY:
            self._forget_people()
        for table, key in reversed(tables.items()):
            if table == "audit_logs":
                if self.keep_audit:
                    continue
                self._execute(alias, "DELETE FROM audit_chain c USING gone g WHERE g.id = c.row_id")
                self._execute(alias, "DELETE FROM audit_outcomes o USING gone g WHERE g.id = o.id")
            deleted = self._execute(
                alias, f"DELETE FROM {table} t USING gone g WHERE g.id = t.{key} AND g.table_name = {literal(table)}"
            ).rowcount
            if deleted:
                counts[table] = deleted
        return counts

    def _restore(self, alias: str, batch: Batch) -> None:
        """Rows that the batch had changed or removed are again what they were, those that others refer to first."""
        connection = self.connections[alias]
        for table, key in self._tables(alias).items():
            columns = [
                name
                for (name,) in connection.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                    " ORDER BY attnum",
                    (table,),
                )
            ]
            changes = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in columns if name != key)
            self._execute(
                alias,
                f"INSERT INTO {table} SELECT was.* FROM (SELECT DISTINCT ON (id) row FROM legacy.images"
                f" WHERE batch = {batch.number} AND table_name = {literal(table)} ORDER BY id, kept_at) i,"
                f" jsonb_populate_record(NULL::{table}, i.row) was ON CONFLICT ({key}) DO UPDATE SET {changes}",
            )
            for expression in self._shapes[table].invalidates if table in self._shapes else ():
                self._execute(
                    alias,
                    f"INSERT INTO cache_invalidations (key) SELECT DISTINCT {expression} FROM {table} t"
                    f" WHERE t.{key} IN (SELECT id FROM legacy.images WHERE batch = {batch.number}"
                    f" AND table_name = {literal(table)})",
                )

    def _forget_people(self) -> None:
        """Nobody who goes stays logged in: their sessions go by the foreign key, and these are what caches hold."""
        self._execute(
            IDENTITY,
            "INSERT INTO cache_invalidations (key)"
            " SELECT 'identity:session:' || s.application_context || ':' || s.id FROM sessions s JOIN people p"
            " ON p.id = s.user_id UNION"
            " SELECT 'identity:user:' || s.application_context || ':' || s.user_id FROM sessions s JOIN people p"
            " ON p.id = s.user_id",
        )

    def _tables(self, alias: str) -> dict[str, str]:
        """The tables of a database that an import fills, with their keys, those that others refer to first."""
        filled = {shape.table: shape.key for shape in self._shapes.values() if shape.alias == alias}
        return {**filled, **_MADE_HERE} if alias == "web" else filled

    def _count(self, alias: str, statement: str) -> int:
        row = self._execute(alias, statement).fetchone()
        assert row is not None
        return int(row[0])

    def _execute(self, alias: str, statement: str) -> psycopg.Cursor:
        return self.connections[alias].execute(statement.encode())
