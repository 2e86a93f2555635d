"""Making the old database: PostgreSQL writes the rows itself, sound ones first and then those of each flaw."""

import psycopg

from bench.migrating.flaws import flaws
from bench.migrating.office import TABLES, Columns, Office

# Amounts of payments were kept as text, so that they could hold anything.
_AS_IT_WAS = "ALTER TABLE payments ALTER amount TYPE varchar(40)"


def build(old: psycopg.Connection, office: Office) -> dict[str, int]:
    """Fill the empty tables of the source document; returns how many rows have each flaw, by its name."""
    old.execute(_AS_IT_WAS)
    made = {}
    for table in TABLES:
        columns, numbers = office.columns(table), office.sound[table]
        _insert(old, table, columns, 0, numbers)
        for flaw in flaws(office):
            if flaw.table == table:
                made[flaw.name] = office.flawed[table]
                _insert(old, table, {**columns, **flaw.bent}, numbers, office.flawed[table])
                numbers += office.flawed[table]
    old.execute("VACUUM ANALYZE")
    return made


def _insert(old: psycopg.Connection, table: str, columns: Columns, after: int, rows: int) -> None:
    """``rows`` rows of the numbers that follow ``after``."""
    old.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"  # noqa: S608
        f" FROM (SELECT {after} + k AS n, k FROM generate_series(1::bigint, {rows}) k) AS numbers"
    )
