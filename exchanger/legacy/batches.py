"""Runs of the import as the new databases know them: begun, gone on with, finished, sealed."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from exchanger.kernel.contexts import ALIASES, IDENTITY
from exchanger.legacy import targets

_BOOKS: Final = Path(__file__).with_name("books.sql")
_LOCK: Final = "exchanger legacy import"
_OLDEST: Final = 160000
_PATIENCE: Final = 10  # seconds that a killed run's connection may take to be noticed
_COLUMNS = (
    "number, source, mapping, fingerprint, zone, since, steps, started_at, finished_at, sealed_at, rolled_back_at"
)
_PLACES = ", ".join(["%s"] * len(_COLUMNS.split(", ")))

Targets = Mapping[str, psycopg.Connection]


class ImportRefused(RuntimeError):
    """Nothing was done; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One run of the import, with those that went on with it. ``steps`` are those that it was told to take.

    ``partly``: a roll-back was interrupted, and some databases still have its rows.
    """

    number: int
    source: str
    mapping: str
    fingerprint: str
    zone: str
    since: datetime | None
    steps: list[str]
    started_at: datetime
    finished_at: datetime | None = None
    sealed_at: datetime | None = None
    rolled_back_at: datetime | None = None
    partly: bool = False

    @property
    def state(self) -> str:
        if self.partly:
            return "partly rolled back"
        if self.rolled_back_at is not None:
            return "rolled back"
        if self.sealed_at is not None:
            return "sealed"
        return "unfinished" if self.finished_at is None else "finished"


@dataclass(frozen=True, slots=True)
class Totals:
    """What has become of a step's rows: ``read = taken + changed + same + rejected``."""

    read: int = 0
    taken: int = 0
    changed: int = 0
    same: int = 0
    rejected: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.read + other.read,
            self.taken + other.taken,
            self.changed + other.changed,
            self.same + other.same,
            self.rejected + other.rejected,
        )


@contextmanager
def all_targets(*, autocommit: bool = False) -> Iterator[dict[str, psycopg.Connection]]:
    """A connection to each of the four new databases."""
    with ExitStack() as stack:
        yield {alias: stack.enter_context(targets.opened(alias, autocommit=autocommit)) for alias in ALIASES}


@contextmanager
def only_run() -> Iterator[None]:
    """Be the only import in the block.

    Raises:
        ImportRefused: another one runs; the message says which.
    """
    with targets.opened(IDENTITY, autocommit=True) as connection:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(connection):
            if time.monotonic() > deadline:
                raise ImportRefused(
                    f"Another import is running ({_holder(connection)}): wait for it, or stop it first."
                )
            time.sleep(0.5)
        yield


def open_books(connections: Targets) -> None:
    """Make the schema ``legacy`` where it is not there yet; in the transaction under way.

    Raises:
        ImportRefused: a server cannot ask whether a text can be read as a type.
    """
    for alias, connection in connections.items():
        if connection.info.server_version < _OLDEST:
            raise ImportRefused(f"The server of '{alias}' is older than PostgreSQL 16, which the import needs.")
        connection.execute(_BOOKS.read_bytes())


def has_books(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT to_regclass('legacy.batches') IS NOT NULL").fetchone()
    return bool(row and row[0])


def read_batches(connections: Targets) -> list[Batch]:
    """Every batch that any of the databases knows, by number; none where there has been no import."""
    found: dict[int, Batch] = {}
    for connection in connections.values():
        if has_books(connection):
            with connection.cursor(row_factory=class_row(Batch)) as cursor:
                for batch in cursor.execute(f"SELECT {_COLUMNS} FROM legacy.batches".encode()):
                    known = found.get(batch.number)
                    found[batch.number] = batch if known is None else _merged(known, batch)
    return [found[number] for number in sorted(found)]


def begin_batch(connections: Targets, wanted: Batch) -> tuple[Batch, bool]:
    """The batch to work on, in all four databases, and whether it goes on with one that was interrupted.

    Raises:
        ImportRefused: one with other arguments is unfinished.
    """
    batches = read_batches(connections)
    for batch in batches:
        if batch.partly:
            raise ImportRefused(f"Batch {batch.number} is only partly taken out: --roll-back {batch.number} first.")
    unfinished = next((batch for batch in batches if batch.state == "unfinished"), None)
    if unfinished is not None:
        if _arguments(unfinished) != _arguments(wanted):
            raise ImportRefused(
                f"Batch {unfinished.number} of {unfinished.source} is unfinished, and was begun with other arguments "
                f"({_told(unfinished)}). Run it again with those, or take it out: --roll-back {unfinished.number}."
            )
        batch, resumed = unfinished, True
    else:
        number = max((batch.number for batch in batches), default=0) + 1
        batch, resumed = replace(wanted, number=number), False
    for connection in connections.values():
        connection.execute(
            f"INSERT INTO legacy.batches ({_COLUMNS}) VALUES ({_PLACES}) ON CONFLICT DO NOTHING".encode(),
            [getattr(batch, name) for name in _COLUMNS.split(", ")],
        )
    return batch, resumed


def finish_batch(connections: Targets, batch: Batch) -> None:
    for connection in connections.values():
        connection.execute("UPDATE legacy.batches SET finished_at = now() WHERE number = %s", (batch.number,))


def seal_batch(connections: Targets, number: int) -> None:
    """Give up the way back: what only a roll-back needs goes, counts and reasons stay.

    Raises:
        ImportRefused: there is no such batch, or it is not finished.
    """
    batch = find_batch(connections, number)
    if batch.state != "finished":
        raise ImportRefused(f"Batch {number} is {batch.state}: only a finished one is sealed.")
    for connection in connections.values():
        connection.execute("UPDATE legacy.chunks SET ids = '{}' WHERE batch = %s", (number,))
        connection.execute("DELETE FROM legacy.images WHERE batch = %s", (number,))
        connection.execute("UPDATE legacy.rejects SET row = NULL WHERE batch = %s", (number,))
        connection.execute("UPDATE legacy.batches SET sealed_at = now() WHERE number = %s", (number,))


def find_batch(connections: Targets, number: int) -> Batch:
    """Raises ImportRefused where there is none of this number."""
    found = next((batch for batch in read_batches(connections) if batch.number == number), None)
    if found is None:
        raise ImportRefused(f"There is no batch {number}: --status lists them.")
    return found


def totals_of(connection: psycopg.Connection, batch: int) -> dict[str, Totals]:
    """What has become of each step's rows in one database. What was taken out again counts as rejected."""
    if not has_books(connection):
        return {}
    rows = connection.execute(
        "SELECT step, sum(read)::bigint, sum(taken)::bigint, sum(changed)::bigint, sum(same)::bigint,"
        " sum(rejected)::bigint FROM legacy.chunks WHERE batch = %s GROUP BY step",
        (batch,),
    )
    found = {step: Totals(*numbers) for step, *numbers in rows}
    withdrawn = connection.execute(
        "SELECT step, count(*) FROM legacy.rejects WHERE batch = %s AND reason LIKE 'books:%%' GROUP BY step", (batch,)
    )
    for step, count in withdrawn:
        found[step] = found.get(step, Totals()) + Totals(taken=-count, rejected=count)
    return found


def finished_steps(connection: psycopg.Connection) -> set[str]:
    """The steps that some batch, not rolled back, has come to the end of."""
    rows = connection.execute(
        "SELECT DISTINCT step FROM legacy.chunks JOIN legacy.batches b ON b.number = batch"
        " WHERE finished AND rolled_back_at IS NULL"
    )
    return {step for (step,) in rows}


def fingerprint_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _merged(one: Batch, other: Batch) -> Batch:
    """What two databases say of a batch, whose commits a crash may have kept apart: the less done of them."""
    order = ("partly rolled back", "unfinished", "finished", "sealed", "rolled back")
    less = min(one, other, key=lambda batch: order.index(batch.state))
    apart = (one.rolled_back_at is None) != (other.rolled_back_at is None)
    return replace(less, partly=True) if apart else less


def _arguments(batch: Batch) -> tuple[Any, ...]:
    return batch.source, batch.fingerprint, batch.zone, batch.since, batch.steps


def _told(batch: Batch) -> str:
    told = [f"--mapping {batch.mapping}", f"--zone {batch.zone}", f"--only {','.join(batch.steps)}"]
    return " ".join([*told, *([f"--since {batch.since.isoformat()}"] if batch.since else [])])


def _locked(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (_LOCK,)).fetchone()
    return bool(row and row[0])


def _holder(connection: psycopg.Connection) -> str:
    row = connection.execute(
        "SELECT a.pid, coalesce(host(a.client_addr), 'this machine'), date_trunc('second', a.backend_start)"
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.objid = (hashtext(%s)::bigint & 4294967295)::oid AND l.granted",
        (_LOCK,),
    ).fetchone()
    return f"connection {row[0]} from {row[1]}, since {row[2]} UTC" if row else "it has just ended"
