"""Which notifications a sender may send now, and what became of them. docs/bot.md tells the whole way.

A claim is committed before anything is sent, and lasts until ``claimed_until``: of a chat's notifications only one is
claimed at a time, the oldest, so they arrive in their order however many senders there are. A person's own news go
before what broadcasts say. What is claimed within a person's quiet hours is put off until these are over, in the same
transaction; it keeps nothing back meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final
from uuid import UUID

from django.db import connections, transaction

from bot.notification_kinds import ALWAYS, KIND_OF, Kind
from bot.people import zone_named
from bot.quiet_hours import Hours

ALIAS: Final = "bot"
LEASE_SECONDS: Final = 90
MOST_LOOKS: Final = 10
"""How often one claim looks again, where all that it has found was put off."""

NOT_LINKED: Final = "No Telegram account is linked."
BLOCKED: Final = "The account has blocked the bot, or is gone."
STOPPED: Final = "The broadcast was stopped."
UNWANTED: Final = "The person has switched this kind of notification off."
CALLED_OFF: Final = (STOPPED, UNWANTED)
"""Somebody's will, and no failure."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notification that this sender alone may send, until ``claimed_until`` by PostgreSQL's clock.

    ``obstacle`` says why it will never be sent; it is empty where nothing is in the way.
    """

    id: UUID
    chat_id: int
    text: str
    attempts: int
    claimed_until: datetime
    obstacle: str


class End(Enum):
    """What became of a claimed notification."""

    SENT = auto()
    FAILED = auto()
    """It is tried again later."""
    DEAD = auto()
    PUT_OFF = auto()
    """It was not tried."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a claim ended. ``seconds`` is how long to wait for the next try, 0 for as soon as it can be.

    ``message_id`` is Telegram's, of what was sent; ``gone`` says that nothing can be sent to the chat at all.
    """

    claimed: Claimed
    end: End
    failure: str = ""
    seconds: float = 0.0
    message_id: int = 0
    gone: bool = False


_CLAIMABLE = """
    NOT {n}.sent AND {n}.dead_at IS NULL
    AND {n}.next_attempt_at <= now() AND ({n}.claimed_until IS NULL OR {n}.claimed_until <= now())
    AND NOT EXISTS (
        SELECT FROM notifications other
        WHERE other.telegram_user_id = {n}.telegram_user_id AND NOT other.sent AND other.dead_at IS NULL
          AND other.id <> {n}.id
          AND (other.claimed_until > now()
               OR (other.put_off_until IS NULL OR other.put_off_until <= now()) AND ({before})))
"""
_EARLIER = "(other.created_at, other.id) < (n.created_at, n.id)"
_KINDS = " ".join(
    f"WHEN split_part(notifications.notification_type, '.', 1) = '{prefix}' THEN NOT wanted.{kind}"
    for prefix, kind in KIND_OF.items()
)
_TOLD_ALWAYS = ", ".join(f"'{told}'" for told in ALWAYS)
_URGENT = f"notifications.notification_type IN ({_TOLD_ALWAYS})"
_SWITCHED_OFF = f"""
    CASE WHEN {_URGENT} THEN false
         WHEN notifications.broadcast_id IS NOT NULL THEN NOT wanted.{Kind.BROADCASTS} {_KINDS} END
"""
# Quiet hours stay as they are until the claim is committed: whoever changes them finds all that they have put off.
_TAKEN = f"""
, hours AS MATERIALIZED (
    SELECT * FROM quiet_hours WHERE telegram_user_id IN (SELECT telegram_user_id FROM due) FOR SHARE)
UPDATE notifications
SET claimed_until = clock_timestamp() + %(lease)s * interval '1 second', put_off_until = NULL
FROM due LEFT JOIN conversations ON conversations.telegram_user_id = due.telegram_user_id
    LEFT JOIN notification_preferences wanted ON wanted.user_id = due.user_id
    LEFT JOIN hours ON hours.telegram_user_id = due.telegram_user_id
WHERE notifications.id = due.id
RETURNING notifications.id, coalesce(notifications.telegram_user_id, 0), message, attempts, claimed_until,
    CASE WHEN due.stopped THEN '{STOPPED}'
         WHEN notifications.telegram_user_id IS NULL THEN '{NOT_LINKED}'
         WHEN blocked_at IS NOT NULL THEN '{BLOCKED}'
         WHEN {_SWITCHED_OFF} THEN '{UNWANTED}' ELSE '' END,
    CASE WHEN {_URGENT} THEN NULL ELSE quiet_from END, quiet_until, zone, now()
"""  # noqa: S608
_CLAIM_NEWS = f"""
WITH due AS MATERIALIZED (
    SELECT n.id, n.telegram_user_id, n.user_id, false AS stopped FROM notifications n
    WHERE n.broadcast_id IS NULL AND {_CLAIMABLE.format(n="n", before=f"other.broadcast_id IS NULL AND {_EARLIER}")}
    ORDER BY n.next_attempt_at, n.id LIMIT %(limit)s FOR UPDATE OF n SKIP LOCKED)
{_TAKEN}
"""  # noqa: S608
_BEFORE_A_BROADCAST = f"""
    other.broadcast_id IS NULL OR (other.broadcast_id IN (SELECT id FROM sendable) AND {_EARLIER})
"""  # noqa: S608
# A broadcast that is stopped is sendable too: its notifications are taken to be buried.
_CLAIM_BROADCASTS = f"""
WITH sendable AS MATERIALIZED (
    SELECT id, status = 'stopped' AS stopped FROM broadcasts WHERE status IN ('running', 'done', 'stopped')
    ORDER BY created_at),
due AS MATERIALIZED (
    SELECT chosen.id, chosen.telegram_user_id, chosen.user_id, stopped FROM sendable CROSS JOIN LATERAL (
        SELECT n.id, n.telegram_user_id, n.user_id FROM notifications n
        WHERE n.broadcast_id = sendable.id AND {_CLAIMABLE.format(n="n", before=_BEFORE_A_BROADCAST)}
        ORDER BY n.next_attempt_at, n.id LIMIT %(limit)s FOR UPDATE OF n SKIP LOCKED) chosen
    LIMIT %(limit)s)
{_TAKEN}
"""  # noqa: S608

_PUT_OFF = """
UPDATE notifications SET claimed_until = NULL, put_off_until = over.at, next_attempt_at = over.at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS over (id, at) WHERE notifications.id = over.id
"""

# What was sent was sent, whoever holds the claim by now. It becomes part of the chat's conversation, if there is one.
_RECORD_SENT = """
WITH told AS (SELECT * FROM unnest(%s::uuid[], %s::bigint[]) AS told (id, message_id)),
done AS (
    UPDATE notifications
    SET sent = true, sent_at = clock_timestamp(), dead_at = NULL, claimed_until = NULL, put_off_until = NULL,
        failure = ''
    FROM told WHERE notifications.id = told.id AND NOT sent
    RETURNING notifications.telegram_user_id, message, told.message_id)
INSERT INTO messages (conversation_id, message_id, message_type, content)
SELECT conversations.id, done.message_id, 'text', jsonb_build_object('text', done.message, 'direction', 'out')
FROM done JOIN conversations USING (telegram_user_id)
"""
_RECORD_REST = """
UPDATE notifications
SET attempts = attempts + tried,
    failure = CASE WHEN told.failure = '' THEN notifications.failure ELSE told.failure END,
    next_attempt_at = CASE WHEN seconds > 0 THEN now() + seconds * interval '1 second' ELSE next_attempt_at END,
    dead_at = CASE WHEN dead THEN now() END,
    claimed_until = NULL
FROM unnest(%s::uuid[], %s::timestamptz[], %s::integer[], %s::text[], %s::float8[], %s::boolean[])
    AS told (id, claimed_until, tried, failure, seconds, dead)
WHERE notifications.id = told.id AND notifications.claimed_until = told.claimed_until AND NOT sent
"""
_MARK_GONE = """
UPDATE conversations SET blocked_at = now() WHERE telegram_user_id = ANY (%s) AND blocked_at IS NULL
"""


def notifications_claim(*, limit: int) -> list[Claimed]:
    """Claim at most ``limit`` of those that may be sent now, the most pressing first; committed when it returns.

    Any number of senders may claim at once: none waits for another, and none gets what another has got.
    """
    for _ in range(MOST_LOOKS):
        claimed, put_off = _claim(limit)
        if claimed or not put_off:
            break
    return claimed


@transaction.atomic(using=ALIAS)
def _claim(limit: int) -> tuple[list[Claimed], int]:
    """What was claimed, and how many were put off."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_CLAIM_NEWS, {"limit": limit, "lease": LEASE_SECONDS})
        rows = cursor.fetchall()
        if len(rows) < limit:
            cursor.execute(_CLAIM_BROADCASTS, {"limit": limit - len(rows), "lease": LEASE_SECONDS})
            rows += cursor.fetchall()
        claimed, put_off = list[Claimed](), dict[UUID, datetime]()
        for *columns, quiet_from, quiet_until, zone, now in rows:
            each = Claimed(*columns)
            # By the same moment as all that the statement asks: at the end of a night what waited goes first.
            is_quiet = quiet_from is not None and not each.obstacle
            over = Hours(quiet_from, quiet_until, zone_named(zone)).over_at(now) if is_quiet else None
            if over is None:
                claimed.append(each)
            else:
                put_off[each.id] = over
        if put_off:
            cursor.execute(_PUT_OFF, [list(put_off), list(put_off.values())])
    return claimed, len(put_off)


def notifications_record(*, outcomes: Sequence[Outcome]) -> None:
    """Record how claims ended, in one transaction, and give up the claims.

    Of a claim that has run out meanwhile only a success is recorded: what else it came to is its next holder's to say.
    """
    sent = [outcome for outcome in outcomes if outcome.end is End.SENT]
    rest = [outcome for outcome in outcomes if outcome.end is not End.SENT]
    gone = [outcome.claimed.chat_id for outcome in rest if outcome.gone]
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        if sent:
            cursor.execute(_RECORD_SENT, [[each.claimed.id for each in sent], [each.message_id for each in sent]])
        if rest:
            cursor.execute(
                _RECORD_REST,
                [
                    [each.claimed.id for each in rest],
                    [each.claimed.claimed_until for each in rest],
                    [int(each.end is not End.PUT_OFF) for each in rest],
                    [each.failure for each in rest],
                    [each.seconds for each in rest],
                    [each.end is End.DEAD for each in rest],
                ],
            )
        if gone:
            cursor.execute(_MARK_GONE, [gone])
