"""What differs between the two sides of a table, with the first rows that show it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg

from exchanger.legacy.verification.checksums import Reading, Sums, read_rows

SHOWN = 5  # ids of each kind of difference
_SEARCHED = 8  # buckets that are looked into

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """``keys`` are the first rows that show it, by the ids of the new database; ``column`` is None for whole rows."""

    kind: str
    column: str | None
    keys: tuple[str, ...]


MISSING, ADDED, CHANGED = "only in the old database", "only in the new database", "differs"


def differing_buckets(old: Mapping[str, Sums], new: Mapping[str, Sums]) -> list[str]:
    return sorted(bucket for bucket in old.keys() | new.keys() if old.get(bucket) != new.get(bucket))


def find_differences(
    old: tuple[psycopg.Connection[Any], Reading],
    new: tuple[psycopg.Connection[Any], Reading],
    buckets: list[str],
) -> list[Difference]:
    """Compare the rows of the first of the buckets that differ, one by one.

    A row that is on one side only makes every column's checksum differ; here it is told as what it is.
    """
    columns = new[1].columns
    found: dict[tuple[str, str | None], list[str]] = {}
    searched = buckets[:_SEARCHED]
    for kind, column, key in _compare(columns, read_rows(*old, searched), read_rows(*new, searched)):
        keys = found.setdefault((kind, column), [])
        if len(keys) < SHOWN:
            keys.append(key)
    return [Difference(kind, column, tuple(keys)) for (kind, column), keys in sorted(found.items(), key=str)]


def _compare(
    columns: tuple[str, ...], source: Iterator[Row], target: Iterator[Row]
) -> Iterator[tuple[str, str | None, str]]:
    """Merge two streams in the order of their keys."""
    ours, theirs = next(source, None), next(target, None)
    while ours is not None or theirs is not None:
        side = _order(ours, theirs)
        if side < 0 and ours is not None:
            yield MISSING, None, str(ours[0])
            ours = next(source, None)
        elif side > 0 and theirs is not None:
            yield ADDED, None, str(theirs[0])
            theirs = next(target, None)
        elif ours is not None and theirs is not None:
            for column, old, new in islice(zip(columns, ours, theirs, strict=True), 1, None):
                if old != new:
                    yield CHANGED, column, str(theirs[0])
            ours, theirs = next(source, None), next(target, None)


def _order(ours: Row | None, theirs: Row | None) -> int:
    if ours is None or theirs is None:
        return 1 if ours is None else -1
    old, new = str(ours[0]).encode(), str(theirs[0]).encode()
    return (old > new) - (old < new)
