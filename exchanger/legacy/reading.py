"""The old rows of one step, in pieces, read ahead by a thread of its own while the piece before is being taken."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Event, Thread

from exchanger.legacy.plan import Plan
from exchanger.legacy.source import Source

_PATIENCE = 0.2  # seconds between looks at whether to stop
_HEAVY = 16 * 2**20  # bytes that make a piece, however few rows they are
_AHEAD = 1  # pieces that wait, beside the one being read and the one being taken
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(slots=True)
class Piece:
    """Rows in COPY's text. ``last_key`` is of the last one; ``finished`` is the step's last piece, perhaps empty."""

    rows: list[bytes] = field(default_factory=list)
    last_key: list[str] | None = None
    finished: bool = False


class Stopped(RuntimeError):
    """Another part of the import has failed, or was asked to stop."""


def read_pieces(
    source: Source, plan: Plan, *, since: datetime | None, after: list[str] | None, size: int, stop: Event
) -> Iterator[Piece]:
    """Everything behind the key ``after``, ``size`` rows a piece, or fewer where they are heavy.

    Rows of one key are never parted.

    Raises:
        Stopped: ``stop`` was set meanwhile.
        SourceUnreadable, psycopg.Error: the old database failed.
    """
    reader = _Reader(stop)
    thread = Thread(
        target=reader.run, args=(_read(source, plan, since, after, size),), name=f"read {plan.step.name}", daemon=True
    )
    thread.start()
    try:
        while True:
            piece = reader.next()
            yield piece
            if piece.finished:
                return
    finally:
        reader.done.set()
        thread.join()


class _Reader:
    """Hands pieces from the thread that reads them to the one that takes them, until ``done`` is set by that."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self.done = Event()
        self._pieces: Queue[Piece | BaseException] = Queue(_AHEAD)

    def run(self, pieces: Iterator[Piece]) -> None:
        try:
            for piece in pieces:
                self._hand_over(piece)
        except Stopped:
            return
        except BaseException as error:  # told to the thread that waits for it
            with suppress(Stopped):
                self._hand_over(error)

    def next(self) -> Piece:
        """Raises Stopped, or what the reading thread has met."""
        while True:
            if self._stop.is_set():
                raise Stopped
            with suppress(Empty):
                piece = self._pieces.get(timeout=_PATIENCE)
                if isinstance(piece, BaseException):
                    raise piece
                return piece

    def _hand_over(self, piece: Piece | BaseException) -> None:
        while not (self._stop.is_set() or self.done.is_set()):
            with suppress(Full):
                self._pieces.put(piece, timeout=_PATIENCE)
                return
        raise Stopped


def _read(source: Source, plan: Plan, since: datetime | None, after: list[str] | None, size: int) -> Iterator[Piece]:
    statement = f"COPY ({plan.select(since, after)}) TO STDOUT"
    rows: list[bytes] = []
    key: list[bytes] = []
    weight = 0
    with source.opened() as connection, connection.cursor().copy(statement.encode()) as copy:
        for row in copy:
            if len(rows) >= size or weight >= _HEAVY:
                if not key:
                    key = _key(rows[-1], plan.key_columns)
                if (following := _key(bytes(row), plan.key_columns)) != key:
                    yield Piece(rows, [_unescaped(part) for part in key])
                    rows, following, weight = [], [], 0
                key = following
            rows.append(bytes(row))
            weight += len(row)
    last = [_unescaped(part) for part in _key(rows[-1], plan.key_columns)] if rows else after
    yield Piece(rows, last, finished=True)


def _key(row: bytes, columns: int) -> list[bytes]:
    return row.rstrip(b"\n").split(b"\t", columns)[:columns]


def _unescaped(value: bytes) -> str:
    """A value of COPY's text format."""
    return re.sub(rb"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value, flags=re.DOTALL).decode()
