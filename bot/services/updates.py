"""Updates come in: stored under Telegram's id, and nothing else. However often one comes, it is there once."""

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db import connections, transaction

from bot.incoming import ReceivedUpdate

ALIAS: Final = "bot"
CHANNEL: Final = "bot_updates"
"""Where PostgreSQL tells handlers that there is something to do. It is a hint: they look by themselves as well."""

OFFSET_DAYS: Final = 6
"""After a week without news Telegram numbers updates anew, perhaps from below: an older offset would lose them."""

HANDLED_DAYS: Final = 7
"""How long what has been handled or sent is kept; Telegram brings nothing again after a day."""

DEAD_DAYS: Final = 90
BATCH: Final = 5000

_STORE: Final = f"""
WITH fresh AS (
    INSERT INTO bot_updates (update_id, chat_id, kind, body)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::jsonb[])
    ON CONFLICT (update_id) DO NOTHING RETURNING update_id)
SELECT count(*), (SELECT pg_notify('{CHANNEL}', '') WHERE EXISTS (SELECT FROM fresh)) FROM fresh
"""  # noqa: S608
_KEEP_OFFSET: Final = """
INSERT INTO bot_state (key, value) VALUES (%s, to_jsonb(%s::bigint))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()
"""
_FIND_OFFSET: Final = "SELECT value FROM bot_state WHERE key = %s AND updated_at > now() - %s * interval '1 day'"
_FORGET: Final = """
DELETE FROM {table} WHERE {key} IN (
    SELECT {key} FROM {table}
    WHERE {since} < now() - %s * interval '1 day'
      AND ({done} IS NOT NULL OR dead_at < now() - %s * interval '1 day')
    ORDER BY {since} LIMIT %s)
"""
_FORGOTTEN: Final = (
    _FORGET.format(table="bot_updates", key="update_id", since="received_at", done="handled_at"),
    _FORGET.format(table="bot_replies", key="id", since="created_at", done="sent_at"),
)


def updates_store(*, updates: Sequence[ReceivedUpdate]) -> int:
    """Keep those that are not there yet, by one statement; how many they were."""
    columns: list[list[Any]] = [
        [update.update_id for update in updates],
        [update.chat_id for update in updates],
        [update.kind for update in updates],
        [json.dumps(update.body) for update in updates],
    ]
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_STORE, columns)
        stored: int = cursor.fetchone()[0]
    return stored


def polled_updates_store(*, bot_id: str, updates: Sequence[ReceivedUpdate], next_offset: int) -> int:
    """Keep what a poll brought, and in the same transaction that it need not be brought again."""
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(_KEEP_OFFSET, [_offset_key(bot_id), next_offset])
        return updates_store(updates=updates) if updates else 0


def offset_read(*, bot_id: str) -> int | None:
    """From where the bot of this id polls; None where it begins with whatever Telegram has."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_FIND_OFFSET, [_offset_key(bot_id), OFFSET_DAYS])
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def updates_forget() -> int:
    """Delete updates and replies that nobody asks for any more, in batches; how many they were."""
    forgotten = 0
    with connections[ALIAS].cursor() as cursor:
        for statement in _FORGOTTEN:
            while True:
                cursor.execute(statement, [HANDLED_DAYS, DEAD_DAYS, BATCH])
                forgotten += cursor.rowcount
                if cursor.rowcount < BATCH:
                    break
    return forgotten


def _offset_key(bot_id: str) -> str:
    return f"polling.{bot_id}"
