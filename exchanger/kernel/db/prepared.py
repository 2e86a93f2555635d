"""One statement, prepared once per connection and sent with nothing around it: for the few on every request's way.

It runs on Django's own connection, in the state that Django's cursor would find it in, and fails with Django's errors.
In autocommit it goes straight to libpq, at two thirds of what a cursor costs. In a transaction, which psycopg begins
with its first cursor, and in the sight of whoever counts, logs or wraps statements (assertNumQueries, DEBUG,
execute_wrapper), it takes the cursor's way, with the same answer.
"""

from contextlib import nullcontext
from datetime import datetime
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from django.db import connections
from psycopg import errors, pq
from psycopg.abc import Params

_UNKNOWN_STATEMENT = b"26000"  # SQLSTATE invalid_sql_statement_name
_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_prepared: "WeakKeyDictionary[psycopg.Connection[Any], set[bytes]]" = WeakKeyDictionary()


class Statement:
    """SQL with ``%s`` for each parameter. Through PgBouncer (no ``prepare_threshold``) it is not prepared."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        first, *rest = sql.split("%s")
        numbered = first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))
        self._numbered = numbered.encode()
        self._name = f"exchanger_{id(self):x}".encode()

    def one(self, alias: str, *params: Any) -> tuple[str | None, ...] | None:
        """The first row that the statement gives on ``alias``, as PostgreSQL writes it; None when there is none.

        Parameters are text, JSON bytes, aware times, numbers or None, and take the type of their place.

        Raises:
            django.db.Error: as any statement; OperationalError when the server is out of reach.
        """
        connection: Any = connections[alias]
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        connection.validate_no_broken_transaction()
        texts = [_text(param) for param in params]
        with connection.wrap_database_errors:
            if connection.queries_logged or connection.execute_wrappers or not connection.autocommit:
                return _first(self._through_cursor(connection, texts))
            return _first(self._straight(connection.connection, texts))

    def _straight(self, connection: psycopg.Connection[Any], texts: list[bytes | None]) -> pq.abc.PGresult:
        server = connection.pgconn
        if connection.prepare_threshold is None:
            return _checked(server, server.exec_params(self._numbered, texts))
        names = _prepared.setdefault(connection, set())
        if self._name in names:
            result = server.exec_prepared(self._name, texts)  # type: ignore[arg-type]
            if result.error_field(pq.DiagnosticField.SQLSTATE) != _UNKNOWN_STATEMENT:
                return _checked(server, result)
            names.clear()  # psycopg deallocates all of a connection's after a rollback
        _checked(server, server.prepare(self._name, self._numbered))
        names.add(self._name)
        return _checked(server, server.exec_prepared(self._name, texts))  # type: ignore[arg-type]

    def _through_cursor(self, connection: Any, texts: list[bytes | None]) -> Any:
        cursor = _PreparedCursor(connection.connection)
        params = [text and text.decode() for text in texts]
        watched = connection.make_debug_cursor(cursor) if connection.queries_logged else None
        with watched.debug_sql(self._sql, params) if watched else nullcontext():
            connection.make_cursor(cursor).execute(self._sql, params)
        return cursor.pgresult


class _PreparedCursor(psycopg.Cursor[tuple[Any, ...]]):
    """Prepares whatever it executes; where OPTIONS has no prepare_threshold (PgBouncer), psycopg does not."""

    def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": True})


def _text(param: Any) -> bytes | None:
    if param is None or isinstance(param, bytes):
        return param
    return (param.isoformat() if isinstance(param, datetime) else str(param)).encode()


def _checked(server: pq.abc.PGconn, result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in _DONE:
        return result
    if server.status != pq.ConnStatus.OK or not result.error_field(pq.DiagnosticField.SQLSTATE):
        raise psycopg.OperationalError(server.get_error_message())  # libpq's own word: the server said nothing
    raise errors.error_from_result(result)


def _first(result: pq.abc.PGresult) -> tuple[str | None, ...] | None:
    if not result.ntuples:
        return None
    values = [result.get_value(0, column) for column in range(result.nfields)]
    return tuple(None if value is None else bytes(value).decode() for value in values)
