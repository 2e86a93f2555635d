"""The old database: read only, in one snapshot that all readers share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

_SETTINGS = {
    "default_transaction_read_only": "on",
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "work_mem": "64MB",
    "jit": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",  # the shared snapshot is held by one that only waits
}


class SourceUnreadable(RuntimeError):
    """The old database cannot be read; the message says why, without the password."""


class Source:
    """Where the old database is. ``name`` is what is told and kept of it: its login, place and database.

    Raises:
        SourceUnreadable: ``dsn`` is no address of a PostgreSQL database.
    """

    def __init__(self, dsn: str) -> None:
        try:
            parts = conninfo_to_dict(dsn)
        except psycopg.ProgrammingError as error:
            raise SourceUnreadable("--source is no address like postgresql://LOGIN@HOST:5432/DATABASE") from error
        self._dsn = dsn
        place = f"{parts.get('host') or 'local'}:{parts.get('port') or 5432}"
        self.name = f"{parts.get('user') or 'default'}@{place}/{parts.get('dbname') or 'default'}"
        self.snapshot: str | None = None

    @contextmanager
    def opened(self) -> Iterator[psycopg.Connection]:
        """A connection in a transaction that only reads, and sees what all others see that share the snapshot.

        Raises:
            SourceUnreadable
        """
        try:
            connection = psycopg.connect(self._dsn, connect_timeout=10, application_name="import_legacy")
        except psycopg.Error as error:
            raise SourceUnreadable(f"The old database {self.name} does not open: {_first_line(error)}") from error
        with connection:
            # Only settings that this server, which may be an old one, has.
            connection.execute(
                "SELECT set_config(wanted.name, wanted.value, false)"
                " FROM unnest(%s::text[], %s::text[]) AS wanted(name, value)"
                " WHERE lower(wanted.name) IN (SELECT lower(name) FROM pg_settings)",
                (list(_SETTINGS), list(_SETTINGS.values())),
            )
            connection.commit()
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            if self.snapshot is not None:
                connection.execute(f"SET TRANSACTION SNAPSHOT '{self.snapshot}'".encode())
            yield connection
            connection.rollback()

    @contextmanager
    def shared_snapshot(self) -> Iterator[psycopg.Connection]:
        """A connection whose snapshot every connection that is opened meanwhile shares."""
        with self.opened() as connection:
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
            self.snapshot = row[0]
            try:
                yield connection
            finally:
                self.snapshot = None


def column_types(connection: psycopg.Connection, relation: str) -> Mapping[str, str] | None:
    """The columns of what follows FROM, with their types' names; None where there is no such table.

    Raises:
        SourceUnreadable: it may not be read, or the mapping's query is wrong.
    """
    try:
        with connection.transaction():
            cursor = connection.execute(f"SELECT s.* FROM {relation} s LIMIT 0".encode())
            assert cursor.description is not None
            found = [(column.name, column.type_code) for column in cursor.description]
            names = connection.execute(
                "SELECT ordinality, format_type(type, NULL) FROM unnest(%s::oid[]) WITH ORDINALITY AS t(type)"
                " ORDER BY ordinality",
                ([code for _, code in found],),
            ).fetchall()
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.Error as error:
        raise SourceUnreadable(f"{relation} cannot be read: {_first_line(error)}") from error
    return {name: kind for (name, _), (_, kind) in zip(found, names, strict=True)}


def count_rows(connection: psycopg.Connection, relation_and_filter: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation_and_filter}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def _first_line(error: Any) -> str:
    return str(error).partition("\n")[0]
