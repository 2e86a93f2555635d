"""The SQL of old sessions: taking them over, finding them by their old key, and opening them under a new one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction

from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.contexts import IDENTITY, Context
from exchanger.kernel.db.prepared import Statement
from exchanger.kernel.origin import Origin

GRACE_SECONDS = 60
"""For how long an old cookie is still good after it was first shown: a browser's tabs send it side by side."""

# The note and the session are made by one statement, so neither is ever there alone, however many take it at once.
_TAKE = """
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%s::jsonb) AS g (id varchar, user_id uuid, data jsonb, expires_at timestamptz)
), known AS (
    SELECT given.*, coalesce(u.password_changed_at <= %s, true) AS unchanged
    FROM given JOIN users u ON u.id = given.user_id
), noted AS (
    INSERT INTO old_sessions (id, user_id, application_context, way)
    SELECT id, user_id, %s, %s FROM known WHERE unchanged
    ON CONFLICT (id) DO NOTHING RETURNING id
), made AS (
    INSERT INTO sessions (id, user_id, application_context, session_data, expires_at)
    SELECT id, user_id, %s, data, expires_at FROM known JOIN noted USING (id)
    ON CONFLICT (id) DO NOTHING
)
SELECT given.id, known.unchanged, noted.id IS NOT NULL
FROM given LEFT JOIN known USING (id) LEFT JOIN noted USING (id)
"""
# The session where it waits for its cookie, and where it went on when the cookie was shown.
_FIND = Statement("""
SELECT s.user_id, s.session_data, s.expires_at, s.created_at, u.password_changed_at <= o.moved_at,
    (n.session_data #>> '{old,openedAt}')::timestamptz > clock_timestamp() - interval '1 second' * %s
FROM old_sessions o
LEFT JOIN sessions s ON s.id = o.id AND s.application_context = o.application_context AND s.expires_at > now()
LEFT JOIN users u ON u.id = s.user_id
LEFT JOIN sessions n ON n.id = %s AND n.application_context = o.application_context AND n.expires_at > now()
WHERE o.id = %s AND o.application_context = %s
""")
_OPEN = Statement("""
UPDATE sessions SET id = %s, session_data = %s, expires_at = %s, ip_address = %s, user_agent = %s, updated_at = now(),
    version = version + 1
WHERE id = %s AND application_context = %s AND expires_at > now() RETURNING version
""")


class Taken(StrEnum):
    """What became of a session that was given to ``take``."""

    NEW = "taken"
    ALREADY = "taken before"
    PASSWORD_CHANGED = "the person has changed the password since"  # noqa: S105
    NOBODY = "there is no such person"


@dataclass(frozen=True, slots=True)
class Given:
    """A session to take over: the id that its row gets, its data as JSON, and its end (aware)."""

    id: str
    user_id: UUID
    data: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that waits for its cookie; ``unchanged`` is whether the password is still that of the move."""

    user_id: str
    data: dict[str, Any]
    expires_at: datetime
    created_at: datetime
    unchanged: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """An old session that has become one of ours.

    ``waiting`` is None once its cookie was shown, or it ended; ``just_opened`` is whether that was a moment ago.
    """

    waiting: Waiting | None
    just_opened: bool


def take(given: Sequence[Given], context: Context, way: str, *, until: datetime | None) -> dict[str, Taken]:
    """Make rows of sessions that nobody has taken yet; what became of each, by its id.

    A session is taken once, whatever has become of it here, and in one context alone. One of a person who has changed
    the password after ``until`` is left.
    """
    # One JSON value, of which the data is a part as it stands: arrays would escape every quote in it twice.
    unique = {
        each.id: {
            "id": each.id,
            "user_id": str(each.user_id),
            "data": orjson.Fragment(each.data),
            "expires_at": each.expires_at,
        }
        for each in given
    }
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_TAKE, (encode(list(unique.values())).decode(), until, context, way, context))
        return {row_id: _taken(unchanged, new) for row_id, unchanged, new in cursor.fetchall()}


def find(moved_id: str, new_id: str, context: Context) -> Moved | None:
    """What is known of an old session in one context; None when it has not been moved there."""
    found = _FIND.one(IDENTITY, GRACE_SECONDS, new_id, moved_id, context)
    if found is None:
        return None
    user_id, data, expires_at, created_at, unchanged, just_opened = found
    if user_id is None:
        return Moved(None, just_opened == "t")
    stored = decode(data) if data else {}
    waiting = Waiting(
        user_id,
        stored if isinstance(stored, dict) else {},
        datetime.fromisoformat(str(expires_at)),
        datetime.fromisoformat(str(created_at)),
        unchanged == "t",
    )
    return Moved(waiting, just_opened == "t")


def open_under(
    new_id: str, moved_id: str, context: Context, data: bytes, *, expires_at: datetime, origin: Origin
) -> bool:
    """Let a session that waits go on under its new id; False when it has gone meanwhile. ``data`` is JSON."""
    opened = _OPEN.one(IDENTITY, new_id, data, expires_at, origin.address, origin.agent, moved_id, context)
    return opened is not None


def contexts_of(moved_ids: Sequence[str]) -> dict[str, str]:
    """The contexts into which sessions have been moved, by their ids; for the owner, who sees all of them."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute("SELECT id, application_context FROM old_sessions WHERE id = ANY(%s)", (list(moved_ids),))
        return dict(cursor.fetchall())


def forget_all() -> tuple[int, int]:
    """End the sessions that still wait for their cookies, and forget that any was moved; how many of each. The owner's.

    Only where no process knows old cookies any more: what is forgotten could be taken again.
    """
    with transaction.atomic(using=IDENTITY), connections[IDENTITY].cursor() as cursor:
        cursor.execute("DELETE FROM sessions s USING old_sessions o WHERE s.id = o.id")
        waiting = cursor.rowcount
        cursor.execute("SELECT count(*) FROM old_sessions")
        [(notes,)] = cursor.fetchall()
        cursor.execute("TRUNCATE old_sessions")
    return waiting, notes


def _taken(unchanged: bool | None, new: bool) -> Taken:
    if unchanged is None:
        return Taken.NOBODY
    if not unchanged:
        return Taken.PASSWORD_CHANGED
    return Taken.NEW if new else Taken.ALREADY
