"""Some rows of one step, taken in one transaction: with them commits what the books say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import psycopg

from exchanger.legacy.batches import Batch, Totals
from exchanger.legacy.kinds import array, literal
from exchanger.legacy.mapping import quoted
from exchanger.legacy.plan import Plan

# Rows that only the import has written bear the number of one of its transactions.
UNTOUCHED = """t.xmin::text::bigint IN (SELECT xid % 4294967296 FROM legacy.chunks WHERE table_name = {table})"""


def create_refused(connection: psycopg.Connection) -> None:
    """The temporary table of rows of other tables that were not taken, so that nothing may refer to them."""
    connection.execute(b"CREATE TEMPORARY TABLE IF NOT EXISTS refused (table_name text NOT NULL, id uuid NOT NULL)")


@dataclass
class ChunkTaker:
    """Takes chunks of one step, one after another, in the connection's transaction; the caller commits."""

    connection: psycopg.Connection
    batch: Batch
    plan: Plan
    populated: bool

    def prepare(self) -> None:
        """Make the temporary tables."""
        staged = ", ".join(f"{quoted(name)} text" for name in self.plan.staged_columns)
        columns = ", ".join(quoted(name) for name in self.plan.shape.names)
        self._execute("DROP TABLE IF EXISTS staged, ready, fresh, differing")
        self._execute(f"CREATE TEMPORARY TABLE staged ({staged})")
        self._execute(
            f"CREATE TEMPORARY TABLE ready AS SELECT ''::text AS old_key, {columns} FROM {self._table} WHERE false"
        )
        self._execute("CREATE TEMPORARY TABLE fresh (id uuid)")
        self._execute("CREATE TEMPORARY TABLE differing (id uuid PRIMARY KEY, reason text)")

    def stage(self, rows: Sequence[bytes]) -> None:
        """Hand over rows in COPY's text."""
        with self.connection.cursor().copy(b"COPY staged FROM STDIN") as copy:
            copy.write(b"".join(rows))

    def take(self, number: int, last_key: list[str] | None, *, finished: bool) -> Totals:
        """Take what is staged, as the step's chunk ``number``; ``finished`` is its last one."""
        read = self._count("SELECT count(*) FROM staged")
        ready = self._execute(self._convert).rowcount
        rejected = self._execute(self._reject).rowcount if ready < read else 0
        for statement in self._notes:
            self._execute(statement)
        same = changed = 0
        if self.populated and ready:
            same, changed, refused = self._compare()
            rejected += refused
        left = self._count("SELECT count(*) FROM ready")
        taken = self._execute(self._insert).rowcount if left else 0
        if taken < left:
            refused = self._refuse_conflicts()
            same, rejected = same + left - taken - refused, rejected + refused
        if taken and self.plan.shape.afterwards:
            self._execute(self.plan.shape.afterwards)
        if changed or (taken and self.batch.since is not None):
            self._invalidate()
        totals = Totals(read, taken, changed, same, rejected)
        self._note(number, last_key, finished, totals)
        self._execute("TRUNCATE staged, ready, fresh, differing")
        return totals

    def _compare(self) -> tuple[int, int, int]:
        """Set aside what is there already; follow the old platform where it has changed a row and nobody here has.

        ``differing`` are the rows that are there otherwise, each with the reason why it stays as it is, if any.
        """
        same = self._execute(self._drop_same).rowcount
        self._execute(self._find_differing)
        rejected = self._execute(self._reject_differing).rowcount
        changed = self._count("SELECT count(*) FROM differing WHERE reason IS NULL")
        if changed:
            self._execute(self._keep_images)
            self._guarded("DISABLE")
            self._execute(self._update)
            self._guarded("ENABLE")
        if rejected or changed:
            self._execute(f"DELETE FROM ready r USING differing d WHERE d.id = r.{self._key}")
        return same, changed, rejected

    def _refuse_conflicts(self) -> int:
        """Rows that an index of the new table refused; those that only say again what is there are none."""
        if self.plan.shape.merges:
            return 0
        return self._execute(self._reject_conflicts).rowcount

    def _invalidate(self) -> None:
        for expression in self.plan.shape.invalidates:
            self._execute(
                f"INSERT INTO cache_invalidations (key) SELECT DISTINCT {expression} FROM {self._table} t"
                f" WHERE t.{self._key} IN"
                " (SELECT id FROM fresh UNION ALL SELECT id FROM differing WHERE reason IS NULL)"
            )

    def _guarded(self, verb: str) -> None:
        """Changes of the old platform's own do not go the ways that ours have to."""
        for trigger in self.plan.shape.guards:
            self._execute(f"ALTER TABLE {self._table} {verb} TRIGGER {trigger}")

    def _note(self, number: int, last_key: list[str] | None, finished: bool, totals: Totals) -> None:
        self.connection.execute(
            "INSERT INTO legacy.chunks (batch, step, number, table_name, last_key, finished, read, taken, changed,"
            " same, rejected, ids) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " coalesce((SELECT array_agg(id) FROM fresh), '{}'))",
            (
                self.batch.number,
                self.plan.step.name,
                number,
                self._table,
                last_key,
                finished,
                totals.read,
                totals.taken,
                totals.changed,
                totals.same,
                totals.rejected,
            ),
        )

    # --- The statements -----------------------------------------------------------------------------------------

    @property
    def _table(self) -> str:
        return self.plan.shape.table

    @property
    def _key(self) -> str:
        return self.plan.shape.key

    @cached_property
    def _columns(self) -> str:
        return ", ".join(quoted(name) for name in self.plan.shape.names)

    @cached_property
    def _convert(self) -> str:
        return (
            f"INSERT INTO ready (old_key, {self._columns}) SELECT c.old_key, {', '.join(self.plan.final_values)}"
            f" FROM (SELECT {self.plan.old_key} AS old_key, {self.plan.converted} FROM staged s"
            f" WHERE {self.plan.reason} IS NULL) c"
            f" CROSS JOIN (SELECT started_at FROM legacy.batches WHERE number = {self.batch.number}) b"
        )

    @cached_property
    def _rejects(self) -> str:
        return (
            "INSERT INTO legacy.rejects (batch, step, table_name, old_key, id, reason, detail, taken, row)"
            f" SELECT {self.batch.number}, {literal(self.plan.step.name)}, {literal(self._table)}"
        )

    @cached_property
    def _id_if_any(self) -> str:
        """A rejected row's id here, where it has one: what refers to it is then rejected for that."""
        text = self.plan.id_text
        return f"CASE WHEN pg_input_is_valid({text}, 'uuid') THEN {self.plan.id_value} END"

    def _told(self, row: str) -> str:
        """The row without what is secret."""
        secret = array(column.name for column in self.plan.shape.columns if column.secret)
        return f"jsonb_strip_nulls(to_jsonb({row})) - {secret}"

    @cached_property
    def _reject(self) -> str:
        return (
            f"{self._rejects}, s.old_key, s.new_id, s.reason, s.detail, false, s.row FROM (SELECT"
            f" {self.plan.old_key} AS old_key, {self._id_if_any} AS new_id, {self.plan.reason} AS reason,"
            f" {self.plan.detail} AS detail, {self._told('s')} AS row FROM staged s) s WHERE s.reason IS NOT NULL"
        )

    @cached_property
    def _notes(self) -> list[str]:
        return [
            f"{self._rejects}, {self.plan.old_key}, {self._id_if_any}, {literal(code)}, '', true, NULL"
            f" FROM staged s WHERE ({condition}) AND {self.plan.reason} IS NULL"
            for condition, code in self.plan.notes
        ]

    @cached_property
    def _drop_same(self) -> str:
        there = self._tuple("t")
        come = self._tuple("r")
        return (
            f"DELETE FROM ready r USING {self._table} t WHERE t.{self._key} = r.{self._key}"
            f" AND {there} IS NOT DISTINCT FROM {come}"
        )

    def _tuple(self, row: str) -> str:
        return f"ROW({', '.join(f'{row}.{quoted(name)}' for name in self.plan.compared)})"

    @cached_property
    def _find_differing(self) -> str:
        untouched = UNTOUCHED.format(table=literal(self._table))
        held = " ".join(
            f"WHEN EXISTS (SELECT FROM {self._table} u WHERE {equal} AND u.{self._key} <> r.{self._key})"
            f" THEN {literal(reason)}"
            for equal, reason in self._exclusions
        )
        return (
            f"INSERT INTO differing SELECT t.{self._key}, CASE WHEN NOT ({untouched}) THEN 'changed_here' {held} END"
            f" FROM ready r JOIN {self._table} t ON t.{self._key} = r.{self._key} ON CONFLICT DO NOTHING"
        )

    @cached_property
    def _reject_differing(self) -> str:
        return (
            f"{self._rejects}, r.old_key, d.id, d.reason, '', true, NULL"
            f" FROM differing d JOIN ready r ON r.{self._key} = d.id WHERE d.reason IS NOT NULL"
        )

    @cached_property
    def _keep_images(self) -> str:
        return (
            "INSERT INTO legacy.images (batch, table_name, id, removed, row)"
            f" SELECT {self.batch.number}, {literal(self._table)}, d.id, false, to_jsonb(t)"
            f" FROM differing d JOIN {self._table} t ON t.{self._key} = d.id WHERE d.reason IS NULL"
        )

    @cached_property
    def _update(self) -> str:
        changes = ", ".join(f"{quoted(name)} = r.{quoted(name)}" for name in self.plan.shape.names if name != self._key)
        return (
            f"UPDATE {self._table} t SET {changes} FROM ready r, differing d"
            f" WHERE r.{self._key} = d.id AND t.{self._key} = d.id AND d.reason IS NULL"
        )

    @cached_property
    def _insert(self) -> str:
        return (
            f"WITH taken AS (INSERT INTO {self._table} ({self._columns}) SELECT {self._columns} FROM ready"
            f" ON CONFLICT DO NOTHING RETURNING {self._key}) INSERT INTO fresh SELECT {self._key} FROM taken"
        )

    @cached_property
    def _reject_conflicts(self) -> str:
        """Each with the row that has what it wanted."""
        holders = [
            f"SELECT {literal(reason)} AS reason, u.{self._key} AS holder FROM {self._table} u WHERE {equal}"
            for equal, reason in self._exclusions
        ]
        found = " UNION ALL ".join([*holders, "SELECT 'conflict' AS reason, NULL::uuid AS holder"])
        return (
            f"{self._rejects}, r.old_key, r.{self._key}, h.reason, coalesce(h.holder::text, ''), false,"
            f" {self._told('r')} - 'old_key' FROM ready r CROSS JOIN LATERAL ({found} LIMIT 1) h"
            f" WHERE NOT EXISTS (SELECT FROM {self._table} t WHERE t.{self._key} = r.{self._key})"
        )

    @cached_property
    def _exclusions(self) -> list[tuple[str, str]]:
        """What makes a row ``u`` of the table rule out the row ``r``, in SQL, each with the reason."""
        found = []
        for columns in self.plan.shape.unique:
            equal = " AND ".join(f"u.{quoted(name)} = r.{quoted(name)}" for name in columns)
            found.append((equal, f"{','.join(columns)}:taken"))
        if self.plan.shape.periods:
            overlap = (
                "u.from_currency = r.from_currency AND u.to_currency = r.to_currency"
                " AND tstzrange(u.valid_from, u.valid_until) && tstzrange(r.valid_from, r.valid_until)"
            )
            found.append((overlap, "period_overlaps"))
        return found

    def _count(self, statement: str) -> int:
        row = self._execute(statement).fetchone()
        assert row is not None
        return int(row[0])

    def _execute(self, statement: str) -> psycopg.Cursor:
        return self.connection.execute(statement.encode())
