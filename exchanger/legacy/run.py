"""The whole import: the steps in the order in which they depend on each other, databases side by side."""

import re
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import psycopg
from psycopg.pq import TransactionStatus

from exchanger.kernel.contexts import ALIASES, IDENTITY
from exchanger.legacy.batches import (
    Batch,
    ImportRefused,
    Totals,
    all_targets,
    begin_batch,
    fingerprint_of,
    finish_batch,
    finished_steps,
    has_books,
    only_run,
    open_books,
    totals_of,
)
from exchanger.legacy.chunk import ChunkTaker, create_refused
from exchanger.legacy.ledger import STEP as LEDGER
from exchanger.legacy.ledger import LedgerStep
from exchanger.legacy.mapping import Mapping
from exchanger.legacy.plan import Plan
from exchanger.legacy.progress import Nowhere, Shown
from exchanger.legacy.reading import Stopped, read_pieces
from exchanger.legacy.rejects import check_writable, write_rejects
from exchanger.legacy.source import Source, column_types, count_rows

CHUNK = 50_000


class TooManyRejects(RuntimeError):
    """The run stopped at its threshold; what it had taken stays, and it can be gone on with."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows of a step may be rejected: a number, or a share of its rows in percent."""

    rows: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Limit":
        """``100`` or ``2.5%``. Raises ValueError."""
        if re.fullmatch(r"\d+(\.\d+)?%", text):
            return cls(percent=float(text[:-1]))
        if text.isascii() and text.isdigit():
            return cls(rows=int(text))
        raise ValueError(text)

    def exceeded(self, rejected: int, total: int) -> bool:
        if self.rows is not None:
            return rejected > self.rows
        return self.percent is not None and rejected * 100 > self.percent * total

    def __str__(self) -> str:
        return f"{self.rows:,} rows" if self.rows is not None else f"{self.percent:g} % of a step's rows"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. ``only`` are names of steps, all of them where it is empty."""

    source: Source
    mapping: Mapping
    only: Sequence[str] = ()
    since: datetime | None = None
    dry: bool = False
    limit: Limit = field(default_factory=lambda: Limit(percent=5.0))
    rejects: Path | None = None
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: each step's totals in order, the number of rejects, and the steps that were passed over."""

    batch: Batch
    resumed: bool
    totals: dict[str, Totals]
    rejects: int
    missing: list[str]


class Import:
    """One run. ``shown`` is where its progress is told."""

    def __init__(self, wanted: Wanted, shown: Shown | None = None) -> None:
        self.wanted = wanted
        self.shown = shown or Nowhere()
        self._stop = Event()

    def run(self) -> Outcome:
        """Do it all, or go on with what was interrupted.

        Raises:
            ImportRefused: another import runs or is unfinished, or a step that others need was never taken.
            TooManyRejects: the threshold was passed; the rejects file tells of what.
            OSError: the rejects file cannot be written.
            SourceUnreadable, WrongMapping, psycopg.Error
        """
        with only_run(), self.wanted.source.shared_snapshot() as old, all_targets() as connections:
            plans, missing = self._plans(old)
            open_books(connections)
            self._check_order(plans, connections)
            check_writable(self.wanted.rejects)
            batch, resumed = begin_batch(connections, self._batch(plans))
            for connection in connections.values():
                self._commit(connection)
            sizes = {plan.step.name: count_rows(old, plan.rows(batch.since, None)) for plan in plans}
            try:
                self._take_all(batch, plans, sizes, connections)
                finish_batch(connections, batch)
                for connection in connections.values():
                    self._commit(connection)
            finally:
                # Also of a run that was stopped: why is what the operator wants to know.
                rejects = self._write_rejects(connections, batch)
            totals: dict[str, Totals] = {}
            for connection in connections.values():
                totals |= totals_of(connection, batch.number)
            order = [plan.step.name for plan in plans if plan.step.name in totals] + [LEDGER] * (LEDGER in totals)
            return Outcome(batch, resumed, {name: totals[name] for name in order}, rejects, missing)

    # --- Before ---------------------------------------------------------------------------------------------------

    def _plans(self, old: psycopg.Connection) -> tuple[list[Plan], list[str]]:
        mapping, only = self.wanted.mapping, self.wanted.only
        known = [step.name for step in mapping.steps]
        if unknown := [name for name in only if name not in known]:
            raise ImportRefused(f"--only {unknown[0]}: the mapping has the steps {', '.join(known)}.")
        plans, missing = [], []
        tables = {step.name: column_types(old, step.relation) for step in mapping.steps}
        for step in mapping.steps:
            if only and step.name not in only:
                continue
            if tables[step.name] is not None:
                plans.append(Plan(mapping, step, mapping.shapes[step.into], tables))
            elif step.optional:
                missing.append(step.name)
            else:
                raise ImportRefused(
                    f"The old database {self.wanted.source.name} has not the tables that step {step.name} reads"
                    f" ({step.table or 'those of its query'}): name them in a mapping of your own (--mapping), or"
                    " leave the step out (--only)."
                )
        return plans, missing

    def _check_order(self, plans: list[Plan], connections: dict[str, psycopg.Connection]) -> None:
        """What a step's rows refer to has been taken before, or is taken now."""
        taken = {plan.step.name for plan in plans}.union(*(finished_steps(each) for each in connections.values()))
        for plan in plans:
            for reference in plan.shape.references:
                for supplier in self.wanted.mapping.suppliers(reference.table):
                    if supplier.name not in taken:
                        raise ImportRefused(
                            f"Step {plan.step.name} needs {supplier.name}, which has not been taken: "
                            f"--only {supplier.name},{plan.step.name}"
                        )

    def _batch(self, plans: list[Plan]) -> Batch:
        wanted = self.wanted
        return Batch(
            number=0,
            source=wanted.source.name,
            mapping=wanted.mapping.name,
            fingerprint=fingerprint_of(wanted.mapping.text, wanted.mapping.conventions.zone),
            zone=wanted.mapping.conventions.zone,
            since=wanted.since,
            steps=[plan.step.name for plan in plans],
            started_at=datetime.now(UTC),
        )

    # --- The steps ------------------------------------------------------------------------------------------------

    def _take_all(
        self, batch: Batch, plans: list[Plan], sizes: dict[str, int], connections: dict[str, psycopg.Connection]
    ) -> None:
        """Identity's steps first, since all others refer to people; then the other databases side by side."""
        of = {alias: [plan for plan in plans if plan.shape.alias == alias] for alias in ALIASES}
        self._take_alias(batch, of[IDENTITY], sizes, connections[IDENTITY], [])
        refused = _refused_people(connections[IDENTITY])
        others = [alias for alias in ALIASES if alias != IDENTITY and of[alias]]
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(max(len(others), 1)))
            # Whatever ends the waiting, an operator's Ctrl-C too, ends the work before the pool is waited for.
            stack.callback(self._stop.set)
            work = [
                pool.submit(self._take_alias, batch, of[alias], sizes, connections[alias], refused) for alias in others
            ]
            done, _ = wait(work, return_when=FIRST_EXCEPTION)
            failed = [error for each in done if (error := each.exception()) is not None]
            if failed:
                self._stop.set()
                wait(work)
                raise next((error for error in failed if not isinstance(error, Stopped)), failed[0])

    def _take_alias(
        self,
        batch: Batch,
        plans: list[Plan],
        sizes: dict[str, int],
        connection: psycopg.Connection,
        refused: list[tuple[str, str]],
    ) -> None:
        create_refused(connection)
        with connection.cursor().copy(b"COPY refused FROM STDIN") as copy:
            for row in refused:
                copy.write_row(row)
        for plan in plans:
            self._take_step(batch, plan, sizes[plan.step.name], connection)
        if steps := {plan.shape.table: plan.step.name for plan in plans if plan.shape.table in ("orders", "payments")}:
            self._take_ledger(batch, {"orders": "orders", "payments": "payments", **steps}, connection)

    def _take_step(self, batch: Batch, plan: Plan, size: int, connection: psycopg.Connection) -> None:
        name = plan.step.name
        number, after, finished = _progress(connection, batch, name)
        before = totals_of(connection, batch.number).get(name, Totals())
        self.shown.begin(name, size, before.read)
        if finished:
            self.shown.end(name)
            return
        found = connection.execute(f"SELECT EXISTS (SELECT FROM {plan.shape.table})".encode()).fetchone()
        taker = ChunkTaker(connection, batch, plan, populated=bool(found and found[0]))
        taker.prepare()
        rejected = before.rejected
        pieces = read_pieces(
            self.wanted.source, plan, since=batch.since, after=after, size=self.wanted.chunk, stop=self._stop
        )
        for piece in pieces:
            taker.stage(piece.rows)
            if plan.shape.whole and not piece.finished:
                continue
            number += 1
            totals = taker.take(number, piece.last_key, finished=piece.finished)
            self._commit(connection)
            self.shown.advance(name, totals.read)
            rejected += totals.rejected
            if self.wanted.limit.exceeded(rejected, size):
                raise TooManyRejects(
                    f"{rejected:,} of the {size:,} rows of step {name} were rejected: more than {self.wanted.limit}."
                )
        self.shown.end(name)

    def _take_ledger(self, batch: Batch, steps: dict[str, str], connection: psycopg.Connection) -> None:
        number, key, finished = _progress(connection, batch, LEDGER)
        if finished:
            return
        ledger = LedgerStep(connection, batch, steps)
        after = key[0] if key else None
        due, rejected = ledger.prepare(after), 0
        self.shown.begin(LEDGER, due, 0)
        while True:
            if self._stop.is_set():
                raise Stopped
            number += 1
            totals, after = ledger.take(number, after, self.wanted.chunk)
            self._commit(connection)
            self.shown.advance(LEDGER, totals.read)
            rejected += totals.rejected
            if self.wanted.limit.exceeded(rejected, due):
                raise TooManyRejects(
                    f"{rejected:,} of {due:,} orders were taken out again, for they cannot be booked:"
                    f" more than {self.wanted.limit}."
                )
            if after is None:
                break
        self.shown.end(LEDGER)

    def _commit(self, connection: psycopg.Connection) -> None:
        """What a dry run would commit is checked all the same, and goes with its connection."""
        if self.wanted.dry:
            connection.execute(b"SET CONSTRAINTS ALL IMMEDIATE")
            connection.execute(b"SET CONSTRAINTS ALL DEFERRED")
        else:
            connection.commit()

    def _write_rejects(self, connections: dict[str, psycopg.Connection], batch: Batch) -> int:
        for connection in connections.values():
            if not self.wanted.dry or connection.info.transaction_status == TransactionStatus.INERROR:
                connection.rollback()  # of a chunk that has failed
        known = {alias: connection for alias, connection in connections.items() if has_books(connection)}
        return write_rejects(known, batch.number, self.wanted.rejects)


def _progress(connection: psycopg.Connection, batch: Batch, step: str) -> tuple[int, list[str] | None, bool]:
    """The number and last key of the step's last chunk, and whether it has come to its end."""
    row = connection.execute(
        "SELECT number, last_key, finished FROM legacy.chunks WHERE batch = %s AND step = %s"
        " ORDER BY number DESC LIMIT 1",
        (batch.number, step),
    ).fetchone()
    return (row[0], row[1], row[2]) if row else (0, None, False)


def _refused_people(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Those who were not taken, then or now: what is theirs is not taken either."""
    rows = connection.execute(
        "SELECT DISTINCT r.table_name, r.id::text FROM legacy.rejects r WHERE r.table_name = 'users'"
        " AND NOT r.taken AND r.id IS NOT NULL AND NOT EXISTS (SELECT FROM users u WHERE u.id = r.id)"
    )
    return list(rows)
