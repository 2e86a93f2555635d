"""Comparing one table: both sides are asked at the same time, and looked into where their checksums differ."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg import sql

from exchanger.legacy.mapping import Mapping as OldMapping
from exchanger.legacy.mapping import Step
from exchanger.legacy.verification.checksums import Sums, read_sums
from exchanger.legacy.verification.differences import differing_buckets, find_differences
from exchanger.legacy.verification.expected import actual_reading, expected_reading
from exchanger.legacy.verification.rejects import Rejects
from exchanger.legacy.verification.results import ColumnResult, TableResult

Connection = psycopg.Connection[Any]


def compare_table(old: Connection, new: Connection, mapping: OldMapping, table: str, rejects: "Rejects") -> TableResult:
    """Counts and checksums of ``table`` in the old database, less what was rejected, and in the new one."""
    shape = mapping.shapes[table]
    expected = expected_reading(old, mapping, table, rejects)
    actual = actual_reading(shape)
    with ThreadPoolExecutor(2) as threads:
        theirs, ours = threads.submit(read_sums, old, expected), threads.submit(read_sums, new, actual)
        old_sums, new_sums = theirs.result(), ours.result()
    buckets = differing_buckets(old_sums, new_sums)
    return TableResult(
        alias=shape.alias,
        table=table,
        old_rows=sum(_count(old, step) for step in mapping.suppliers(table)),
        rejected=rejects.reasons,
        expected=_rows(old_sums),
        found=_rows(new_sums),
        columns=tuple(
            ColumnResult(name, _total(old_sums, number), _total(new_sums, number))
            for number, name in enumerate(expected.columns)
        ),
        differences=tuple(find_differences((old, expected), (new, actual), buckets) if buckets else ()),
    )


def _count(old: Connection, step: Step) -> int:
    found = old.execute(sql.SQL("SELECT count(*) FROM {} AS s").format(sql.SQL(step.relation))).fetchone()
    return int(found[0]) if found else 0


def _rows(sums: Mapping[str, Sums]) -> int:
    return sum(each.rows for each in sums.values())


def _total(sums: Mapping[str, Sums], column: int) -> int:
    return sum(each.checksums[column] for each in sums.values())
