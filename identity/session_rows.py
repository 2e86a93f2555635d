"""The SQL of sessions: one statement each, every one bound to a context, in autocommit on the identity database."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import psycopg
from django.db import connections
from psycopg.abc import Params

from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.contexts import IDENTITY, Context

# As text: Django's loader of times is Python, and costs a quarter of the statement.
_SELECT = """
SELECT session_data, user_id::text, expires_at::text, version FROM sessions
WHERE id = %s AND application_context = %s AND expires_at > now()
"""
_INSERT = """
INSERT INTO sessions (id, user_id, application_context, session_data, expires_at)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING version
"""
_UPDATE = """
UPDATE sessions SET session_data = %s, user_id = %s, expires_at = %s, updated_at = now(), version = version + 1
WHERE id = %s AND application_context = %s AND expires_at > now() RETURNING version
"""
# A new id for the same row: whoever deletes it meanwhile, by its old id or as one of a person's, comes first or waits.
_MOVE = """
WITH moved AS (
    UPDATE sessions SET id = %s, session_data = %s, user_id = %s, expires_at = %s, updated_at = now(),
        version = version + 1
    WHERE id = %s AND application_context = %s AND expires_at > now() RETURNING version
), noted AS (INSERT INTO cache_invalidations (key) SELECT %s FROM moved RETURNING id)
SELECT moved.version, noted.id FROM moved, noted
"""
_EXISTS = "SELECT EXISTS (SELECT FROM sessions WHERE id = %s AND application_context = %s AND expires_at > now())"
# The note that the key must leave Redis commits with the deletion, so a crash in between loses nothing.
_DELETE = """
WITH gone AS (DELETE FROM sessions WHERE id = %s AND application_context = %s RETURNING id)
INSERT INTO cache_invalidations (key) SELECT %s FROM gone RETURNING id
"""
_NOTE = "INSERT INTO cache_invalidations (key) VALUES (%s)"
_FORGET = "DELETE FROM cache_invalidations WHERE id = %s"
# An array, and not IN: a join would run the inner statement, and its limit, once for each row it looks at.
_PURGE = """
DELETE FROM sessions WHERE id = ANY (ARRAY(
    SELECT id FROM sessions WHERE expires_at <= now() ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session as PostgreSQL has it; ``expires_at`` is aware UTC."""

    data: dict[str, Any]
    user_id: str
    expires_at: datetime
    version: int


def select(row_id: str, context: Context) -> SessionRow | None:
    found = _one(_SELECT, (row_id, context))
    if found is None:
        return None
    data, user_id, expires_at, version = found
    return SessionRow(decode(data) if data else {}, user_id, datetime.fromisoformat(expires_at), version)


def insert(row_id: str, user_id: str, context: Context, data: dict[str, Any], expires_at: datetime) -> int | None:
    """The new row's version, or None when the id is taken, in whichever context."""
    found = _one(_INSERT, (row_id, user_id, context, encode(data).decode(), expires_at))
    return None if found is None else found[0]


def update(row_id: str, user_id: str, context: Context, data: dict[str, Any], expires_at: datetime) -> int | None:
    """The row's next version, or None when it is gone; a deleted session is never made again."""
    found = _one(_UPDATE, (encode(data).decode(), user_id, expires_at, row_id, context))
    return None if found is None else found[0]


def move(
    row_id: str, new_id: str, user_id: str, context: Context, data: dict[str, Any], expires_at: datetime, key: str
) -> tuple[int, int] | None:
    """Update under a new id, and note that ``key`` must be dropped: the next version and the note's id.

    None when the row is gone; a deleted session is not brought back under another id.
    """
    found = _one(_MOVE, (new_id, encode(data).decode(), user_id, expires_at, row_id, context, key))
    return None if found is None else (found[0], found[1])


def exists(row_id: str, context: Context) -> bool:
    found = _one(_EXISTS, (row_id, context))
    return found is not None and found[0]


def delete(row_id: str, context: Context, key: str) -> int | None:
    """Delete, and note in the same statement that ``key`` must be dropped; the note's id, None if no row was there."""
    found = _one(_DELETE, (row_id, context, key))
    return None if found is None else found[0]


def note_pending(key: str) -> None:
    """Note that ``key`` may hold an older value than its row, and must be dropped when Redis answers again."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_NOTE, (key,))


def forget_pending(note_id: int) -> None:
    """The key of a note has left Redis."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_FORGET, (note_id,))


def purge_expired(batch: int) -> int:
    """Delete up to ``batch`` expired rows that nobody holds; returns how many."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_PURGE, (batch,))
        return int(cursor.rowcount)


class _PreparedCursor(psycopg.Cursor[tuple[Any, ...]]):
    """Prepares whatever it executes; where OPTIONS has no prepare_threshold (PgBouncer), psycopg does not."""

    def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": True})


def _one(sql: str, params: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """One statement, prepared, in the state that Django's own cursor would find the connection in.

    Django's cursors bind parameters in the client, which nothing can prepare, and cost a third of the statement.
    """
    connection: Any = connections[IDENTITY]
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    cursor = _PreparedCursor(connection.connection)
    with connection.wrap_database_errors:
        if connection.queries_logged or connection.execute_wrappers:
            _execute_watched(connection, cursor, sql, params)
        else:
            cursor.execute(sql, params)
        return cursor.fetchone()


def _execute_watched(connection: Any, cursor: _PreparedCursor, sql: str, params: tuple[Any, ...]) -> None:
    """The same in the sight of whoever counts statements (assertNumQueries, DEBUG) or wraps them (execute_wrapper)."""
    logged = connection.make_debug_cursor(cursor).debug_sql(sql, params) if connection.queries_logged else nullcontext()
    with logged:
        connection.make_cursor(cursor).execute(sql, params)
