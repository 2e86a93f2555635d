"""The whole verification: every table that the mapping fills, the sums of money, and references across databases."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from admin_panel.references.checking import Checked, references_check
from exchanger.legacy.batches import Batch
from exchanger.legacy.mapping import Mapping as OldMapping
from exchanger.legacy.source import column_types
from exchanger.legacy.verification.checksums import Reading
from exchanger.legacy.verification.expected import LEFT_TO_THE_IMPORT, actual_reading, expected_reading
from exchanger.legacy.verification.money import compare_money
from exchanger.legacy.verification.normal import PLANNING, SESSION
from exchanger.legacy.verification.rejects import read_rejects
from exchanger.legacy.verification.results import Findings, ReferenceResult, SumResult, TableResult
from exchanger.legacy.verification.tables import compare_table

Connection = psycopg.Connection[Any]
_MONEY = ("orders", "payments")


def verify(
    old: Connection,
    new: Mapping[str, Connection],
    mapping: OldMapping,
    batches: list[Batch],
    *,
    told: Callable[[TableResult], None],
) -> Findings:
    """Compare both sides, each as it is at one moment; ``told`` hears of each table when it is done.

    Nothing is changed, nothing is waited for, and memory does not grow with the tables.
    """
    began, start = datetime.now(UTC), time.monotonic()
    with _snapshots([old, *new.values()]):
        filled = [
            table
            for table in mapping.shapes
            if any(column_types(old, step.relation) is not None for step in mapping.suppliers(table))
        ]
        tables = []
        for table in filled:
            shape = mapping.shapes[table]
            rejects = read_rejects(new[shape.alias], table, shape.key)
            tables.append(compare_table(old, new[shape.alias], mapping, table, rejects))
            told(tables[-1])
        references = [_reference(checked) for checked in references_check()]
        money = _money(old, new["web"], mapping) if set(_MONEY) <= set(filled) else []
    return Findings(
        began=began,
        seconds=time.monotonic() - start,
        source=_told_of(old),
        zone=mapping.conventions.zone,
        mapping=mapping.name,
        batches=tuple(batches),
        tables=tuple(tables),
        money=tuple(money),
        references=tuple(references),
        not_compared={
            f"{table}.{column}": reason
            for table, columns in LEFT_TO_THE_IMPORT.items()
            if table in filled
            for column, reason in columns.items()
        },
    )


def _reference(checked: Checked) -> ReferenceResult:
    target = checked.reference.target
    return ReferenceResult(
        column=str(checked.reference),
        target=f"{target.alias}.{target.table}",
        ids=checked.ids,
        missing=checked.missing,
        rows=checked.rows,
        first=tuple(map(str, checked.first)),
    )


def _money(old: Connection, new: Connection, mapping: OldMapping) -> list[SumResult]:
    expected: dict[str, Reading] = {}
    for table in _MONEY:
        rejects = read_rejects(new, table, mapping.shapes[table].key)
        expected[table] = expected_reading(old, mapping, table, rejects)
    return list(compare_money(old, new, expected, {table: actual_reading(mapping.shapes[table]) for table in _MONEY}))


@contextmanager
def _snapshots(connections: list[Connection]) -> Iterator[None]:
    """Each connection reads one moment of its database, in texts that mean the same on every server."""
    for connection in connections:
        connection.rollback()
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for name, value in {**SESSION, **PLANNING}.items():
            connection.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    try:
        yield
    finally:
        for connection in connections:
            connection.rollback()


def _told_of(connection: Connection) -> str:
    """The database without a password: ``reader@db:5432/exchange, PostgreSQL 15.8``."""
    info = connection.info
    version = info.parameter_status("server_version")
    return f"{info.user}@{info.host or info.hostaddr}:{info.port}/{info.dbname}, PostgreSQL {version}"
