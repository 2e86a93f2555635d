"""A session as one of the older platform's stores holds it, whichever that is."""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from exchanger.kernel.contexts import Context
from identity.old_sessions.values import OldSession

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """One session as a store holds it: in which pattern or table, under which key, and for whom it is.

    ``place`` is its whole key in Redis, empty for a row. ``session`` is None where it cannot be taken; ``reason`` says
    why.
    """

    source: str
    key: str
    context: Context | None
    kept_until: datetime | None = None
    place: bytes = b""
    session: OldSession | None = None
    reason: str = ""


def in_batches(found: Iterable[T], size: int) -> Iterator[list[T]]:
    """``size`` at a time, the last ones fewer; no more than that is held at once."""
    iterator = iter(found)
    while batch := list(islice(iterator, size)):
        yield batch


def read_ahead(batches: Generator[T, None, None]) -> Iterator[T]:
    """Each batch, while a thread reads the next one: the store and PostgreSQL work side by side."""
    try:
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, batches, None)
                yield batch
    finally:
        batches.close()
