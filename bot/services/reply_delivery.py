"""Which replies may be carried out now, and what became of them.

As of notifications: a claim is committed before anything is sent, and holds for LEASE_SECONDS; of a chat only the
oldest waiting reply can be claimed. What is claimed by a process that dies is carried out by another one after that.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connections, transaction

from bot.models.reply import ReplyMethod
from bot.services.notification_delivery import End

ALIAS: Final = "bot"
LEASE_SECONDS: Final = 40


@dataclass(frozen=True, slots=True)
class ClaimedReply:
    """A reply that this process alone may carry out, until ``claimed_until`` by PostgreSQL's clock."""

    id: int
    chat_id: int
    method: ReplyMethod
    payload: dict[str, Any]
    attempts: int
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class ReplyOutcome:
    """How a claim ended, as ``notification_delivery.Outcome`` has it of notifications."""

    claimed: ClaimedReply
    end: End
    failure: str = ""
    seconds: float = 0.0
    message_id: int = 0
    gone: bool = False


_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT r.id FROM bot_replies r
    WHERE r.sent_at IS NULL AND r.dead_at IS NULL
      AND r.next_attempt_at <= now() AND (r.claimed_until IS NULL OR r.claimed_until <= now())
      AND NOT EXISTS (
        SELECT FROM bot_replies earlier
        WHERE earlier.chat_id = r.chat_id AND earlier.id < r.id AND earlier.sent_at IS NULL AND earlier.dead_at IS NULL)
    ORDER BY r.id LIMIT %s FOR UPDATE OF r SKIP LOCKED)
UPDATE bot_replies SET claimed_until = clock_timestamp() + %s * interval '1 second'
FROM due WHERE bot_replies.id = due.id
RETURNING bot_replies.id, chat_id, method, payload::text, attempts, claimed_until
"""
# What was sent was sent, whoever holds the claim by now.
_RECORD_SENT = f"""
WITH done AS (
    UPDATE bot_replies SET sent_at = clock_timestamp(), dead_at = NULL, claimed_until = NULL, failure = ''
    WHERE id = %s AND sent_at IS NULL RETURNING conversation_id, method, payload)
INSERT INTO messages (conversation_id, message_id, message_type, content)
SELECT conversation_id, %s, 'text', payload - 'message_id' || '{{"direction": "out"}}' FROM done
WHERE conversation_id IS NOT NULL AND method <> '{ReplyMethod.ANSWER}'
"""  # noqa: S608
_RECORD_REST = """
UPDATE bot_replies
SET attempts = attempts + %(tried)s,
    failure = CASE WHEN %(failure)s = '' THEN failure ELSE %(failure)s END,
    next_attempt_at = CASE WHEN %(seconds)s > 0 THEN now() + %(seconds)s * interval '1 second' ELSE next_attempt_at END,
    dead_at = CASE WHEN %(dead)s THEN now() END,
    claimed_until = NULL
WHERE id = %(id)s AND claimed_until = %(claimed_until)s AND sent_at IS NULL
"""
_MARK_GONE = "UPDATE conversations SET blocked_at = now() WHERE telegram_user_id = %s AND blocked_at IS NULL"


def replies_claim(*, limit: int) -> list[ClaimedReply]:
    """Claim at most ``limit`` of those whose turn it is, the oldest first; committed when it returns."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_CLAIM, [limit, LEASE_SECONDS])
        rows = cursor.fetchall()
    claimed = (
        ClaimedReply(key, chat_id, ReplyMethod(method), json.loads(payload), attempts, until)
        for key, chat_id, method, payload, attempts, until in rows
    )
    return sorted(claimed, key=lambda reply: reply.id)


def reply_record(*, outcome: ReplyOutcome) -> None:
    """Record how a claim ended, in one transaction with the message that it has become part of the chat as.

    Of a claim that has run out meanwhile only a success is recorded: what else it came to is its next holder's to say.
    """
    claimed = outcome.claimed
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        if outcome.end is End.SENT:
            cursor.execute(_RECORD_SENT, [claimed.id, outcome.message_id])
            return
        cursor.execute(
            _RECORD_REST,
            {
                "id": claimed.id,
                "claimed_until": claimed.claimed_until,
                "tried": int(outcome.end is not End.PUT_OFF),
                "failure": outcome.failure,
                "seconds": outcome.seconds,
                "dead": outcome.end is End.DEAD,
            },
        )
        if outcome.gone:
            cursor.execute(_MARK_GONE, [claimed.chat_id])
