"""What a raw COPY of the same rows into the same tables costs: the measure of the import.

The tables have all their indexes, constraints and triggers, as the import finds them. The rows are those that the
import wrote, ledger included; they are kept in a database of their own and come from there as the import's come from
the old one. Nothing is checked, turned or recorded on the way.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from exchanger.kernel.contexts import ALIASES
from exchanger.testing.servers import TestServers

KEPT = "exchanger_raw"
_NO_ROWS_OF_OURS = {"audit_chain", "cache_invalidations"}  # written by a trigger, and what workers take away again
_OF_DJANGO = {"django_migrations", "django_content_type", "auth_permission"}
_REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid
"""


def filled_tables(connection: psycopg.Connection) -> dict[str, int]:
    """The tables of a new database that have rows of the import, with their numbers; those referred to come first."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    counts = {
        name: count(connection, name) for (name,) in found.fetchall() if name not in _OF_DJANGO | _NO_ROWS_OF_OURS
    }
    filled = {name for name, rows in counts.items() if rows}
    waits: dict[str, set[str]] = {name: set() for name in filled}
    for table, other in connection.execute(_REFERENCES):
        if {table, other} <= filled:
            waits[table].add(other)
    ordered: list[str] = []
    while len(ordered) < len(filled):
        ordered += sorted(name for name in filled - set(ordered) if waits[name] <= set(ordered))
    return {name: counts[name] for name in ordered}


def count(connection: psycopg.Connection, table: str) -> int:
    return int(scalar(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))))


def scalar(connection: psycopg.Connection, query: LiteralString | sql.Composed) -> Any:
    """The one value that a query gives."""
    found = connection.execute(query).fetchone()
    assert found is not None
    return found[0]


@contextmanager
def kept_rows(servers: TestServers) -> Iterator[psycopg.Connection]:
    """A database that holds a copy of what the new ones hold now, in a schema for each of them."""
    superuser = servers.superuser("identity")
    superuser.execute(f"DROP DATABASE IF EXISTS {KEPT} WITH (FORCE)")
    superuser.execute(f"CREATE DATABASE {KEPT} TEMPLATE template0")
    info = superuser.info
    with psycopg.connect(info.dsn, dbname=KEPT, password=info.password, autocommit=True) as kept:
        for alias in ALIASES:
            kept.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(alias)))
            source = servers.superuser(alias)
            for table in filled_tables(source):
                _make_alike(source, kept, alias, table)
                copy(source, sql.Identifier(table), kept, sql.Identifier(alias, table))
        yield kept
    superuser.execute(f"DROP DATABASE {KEPT} WITH (FORCE)")


def copy_back(servers: TestServers, kept: psycopg.Connection, alias: str, table: str) -> float:
    """COPY the kept rows of one table into the empty new one, as its owner; returns the seconds."""
    with psycopg.connect(servers.environments.for_process("")[f"{alias.upper()}_DATABASE_URL"]) as owner:
        start = time.perf_counter()
        copy(kept, sql.Identifier(alias, table), owner, sql.Identifier(table))
        owner.commit()
        return time.perf_counter() - start


def copy(source: psycopg.Connection, old: sql.Identifier, target: psycopg.Connection, new: sql.Identifier) -> None:
    with (
        source.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(old)) as reading,
        target.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(new)) as writing,
    ):
        for data in reading:
            writing.write(data)


def empty(servers: TestServers) -> None:
    """The new databases as they were before the import; their files shrink, unlike by DELETE."""
    for alias in ALIASES:
        superuser = servers.superuser(alias)
        found = superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in found if name not in _OF_DJANGO)
        superuser.execute("SET session_replication_role = replica")  # what only grows refuses to be emptied
        superuser.execute(sql.SQL("TRUNCATE {}").format(tables))
        superuser.execute("RESET session_replication_role")
        superuser.execute("CHECKPOINT")


def _make_alike(source: psycopg.Connection, kept: psycopg.Connection, alias: str, table: str) -> None:
    """The bare columns, as text: what is kept is only copied."""
    columns = source.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        (table,),
    ).fetchall()
    listed = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for (name,) in columns)
    kept.execute(sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(sql.Identifier(alias, table), listed))
