"""Checksums of a table's columns that do not depend on the order of its rows, made by the database that holds them.

A value's hash is the first 64 bits of the MD5 of the row's key and the value in UTF-8, so that two values that have
changed places show too; a column's checksum is the exact sum of these. They are made for each of 4,096 buckets of
keys, so that a difference can be looked for in a small part of the table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

BUCKET_DIGITS = 3  # hexadecimal
_FETCHED = 10_000  # rows held at a time


@dataclass(frozen=True, slots=True)
class Reading:
    """One side of a table: ``query`` gives ``columns``, all as text, of which the first is the row's key."""

    columns: tuple[str, ...]
    query: sql.Composable


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one bucket: its rows, and the checksum of each column, the key's among them, in their order."""

    rows: int
    checksums: tuple[int, ...]


def read_sums(connection: psycopg.Connection[Any], reading: Reading) -> dict[str, Sums]:
    """The sums of each bucket that has rows; memory does not grow with the table."""
    found = connection.execute(
        sql.SQL("SELECT {bucket}, count(*), {sums} FROM ({query}) AS r GROUP BY 1").format(
            bucket=_bucket(reading),
            sums=sql.SQL(", ").join(_sum(reading.columns[0], column) for column in reading.columns),
            query=reading.query,
        )
    )
    return {bucket: Sums(rows, tuple(map(int, sums))) for bucket, rows, *sums in found}


def read_rows(
    connection: psycopg.Connection[Any], reading: Reading, buckets: Iterable[str]
) -> Iterator[tuple[str | None, ...]]:
    """The rows of some buckets, by their keys' bytes, streamed."""
    query = sql.SQL('SELECT {columns} FROM ({query}) AS r WHERE {bucket} = ANY({buckets}) ORDER BY {key} COLLATE "C"')
    with connection.cursor("verified_rows") as cursor:
        cursor.itersize = _FETCHED
        yield from cursor.execute(
            query.format(
                columns=sql.SQL(", ").join(map(sql.Identifier, reading.columns)),
                query=reading.query,
                bucket=_bucket(reading),
                key=sql.Identifier(reading.columns[0]),
                buckets=sql.Literal(list(buckets)),
            )
        )


def _bucket(reading: Reading) -> sql.Composed:
    key = sql.Identifier(reading.columns[0])
    return sql.SQL("left(md5(convert_to({}, 'UTF8')), {})").format(key, BUCKET_DIGITS)


def _sum(key: str, column: str) -> sql.Composed:
    # NULL is told from an empty text by the sign before a value.
    return sql.SQL(
        "sum(('x' || left(md5(convert_to({key} || chr(31) || coalesce('=' || {column}, ''), 'UTF8')), 16))"
        "::bit(64)::bigint)"
    ).format(key=sql.Identifier(key), column=sql.Identifier(column))
