"""The SQL of sessions: one statement each, every one bound to a context, in autocommit on the identity database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections

from exchanger.kernel.cache.codec import decode
from exchanger.kernel.contexts import IDENTITY, Context
from exchanger.kernel.db.prepared import Statement
from exchanger.kernel.origin import Origin

_SELECT = Statement("""
SELECT session_data, user_id, expires_at, created_at, version FROM sessions
WHERE id = %s AND application_context = %s AND expires_at > now()
""")
_INSERT = Statement("""
INSERT INTO sessions (id, user_id, application_context, session_data, expires_at, created_at, ip_address, user_agent)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING version
""")
_UPDATE = Statement("""
UPDATE sessions SET session_data = %s, user_id = %s, expires_at = %s, updated_at = now(), version = version + 1
WHERE id = %s AND application_context = %s AND expires_at > now() RETURNING version
""")
# Only its end moves, so what another request saves meanwhile stays.
_TOUCH = Statement("""
UPDATE sessions SET expires_at = %s, updated_at = now(), version = version + 1
WHERE id = %s AND application_context = %s AND expires_at > now()
RETURNING session_data, user_id, expires_at, created_at, version
""")
# A new id for the same row: whoever deletes it meanwhile, by its old id or as one of a person's, comes first or waits.
_MOVE = Statement("""
WITH moved AS (
    UPDATE sessions SET id = %s, session_data = %s, user_id = %s, expires_at = %s, updated_at = now(),
        version = version + 1
    WHERE id = %s AND application_context = %s AND expires_at > now() RETURNING version
), noted AS (INSERT INTO cache_invalidations (key) SELECT %s FROM moved RETURNING id)
SELECT moved.version, noted.id FROM moved, noted
""")
_EXISTS = Statement("SELECT id FROM sessions WHERE id = %s AND application_context = %s AND expires_at > now()")
# The note that the key must leave Redis commits with the deletion, so a crash in between loses nothing.
_DELETE = Statement("""
WITH gone AS (DELETE FROM sessions WHERE id = %s AND application_context = %s RETURNING id)
INSERT INTO cache_invalidations (key) SELECT %s FROM gone RETURNING id
""")
_NOTE = Statement("INSERT INTO cache_invalidations (key) VALUES (%s) RETURNING id")
_FORGET = "DELETE FROM cache_invalidations WHERE id = %s"
# An array, and not IN: a join would run the inner statement, and its limit, once for each row it looks at.
_PURGE = """
DELETE FROM sessions WHERE id = ANY (ARRAY(
    SELECT id FROM sessions WHERE expires_at <= now() ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session as PostgreSQL has it; times are aware UTC."""

    data: dict[str, Any]
    user_id: str
    expires_at: datetime
    created_at: datetime
    version: int


def select(row_id: str, context: Context) -> SessionRow | None:
    return _row(_SELECT.one(IDENTITY, row_id, context))


def insert(
    row_id: str,
    user_id: str,
    context: Context,
    data: bytes,
    *,
    expires_at: datetime,
    created_at: datetime,
    origin: Origin,
) -> int | None:
    """The new row's version, or None when the id is taken, in whichever context. ``data`` is JSON."""
    found = _INSERT.one(IDENTITY, row_id, user_id, context, data, expires_at, created_at, origin.address, origin.agent)
    return None if found is None else _number(found[0])


def update(row_id: str, user_id: str, context: Context, data: bytes, *, expires_at: datetime) -> int | None:
    """The row's next version, or None when it is gone; a deleted session is never made again. ``data`` is JSON."""
    found = _UPDATE.one(IDENTITY, data, user_id, expires_at, row_id, context)
    return None if found is None else _number(found[0])


def touch(row_id: str, context: Context, *, expires_at: datetime) -> SessionRow | None:
    """Move the end of a session and note that it was seen; what it is now, or None when it is gone."""
    return _row(_TOUCH.one(IDENTITY, expires_at, row_id, context))


def move(
    row_id: str, new_id: str, user_id: str, context: Context, data: bytes, *, expires_at: datetime, key: str
) -> tuple[int, int] | None:
    """Update under a new id, and note that ``key`` must be dropped: the next version, and the note's id.

    None when the row is gone; a deleted session is not brought back under another id. ``data`` is JSON.
    """
    found = _MOVE.one(IDENTITY, new_id, data, user_id, expires_at, row_id, context, key)
    return None if found is None else (_number(found[0]), _number(found[1]))


def exists(row_id: str, context: Context) -> bool:
    return _EXISTS.one(IDENTITY, row_id, context) is not None


def delete(row_id: str, context: Context, key: str) -> int | None:
    """Delete, and note in the same statement that ``key`` must be dropped; the note's id, None if no row was there."""
    found = _DELETE.one(IDENTITY, row_id, context, key)
    return None if found is None else _number(found[0])


def _number(text: str | None) -> int:
    assert text is not None
    return int(text)


def _row(found: tuple[str | None, ...] | None) -> SessionRow | None:
    if found is None:
        return None
    data, user_id, expires_at, created_at, version = found
    stored = decode(data) if data else {}
    return SessionRow(
        stored if isinstance(stored, dict) else {},  # jsonb holds null and lists as gladly
        str(user_id),
        datetime.fromisoformat(str(expires_at)),
        datetime.fromisoformat(str(created_at)),
        _number(version),
    )


def note_pending(key: str) -> int:
    """Note that ``key`` must be dropped when Redis answers again, for what it holds is not the truth; the note's id."""
    noted = _NOTE.one(IDENTITY, key)
    assert noted is not None
    return _number(noted[0])


def forget_pending(note_id: int) -> None:
    """The key of a note has left Redis."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_FORGET, (note_id,))


def purge_expired(batch: int) -> int:
    """Delete up to ``batch`` expired rows that nobody holds; returns how many."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_PURGE, (batch,))
        return int(cursor.rowcount)
