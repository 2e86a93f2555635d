"""Where the system metrics come from. A source is read by itself, so that one that fails leaves the others."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connections
from django.db.models import Count, Min, Q

from admin_panel.adapter import AdminAdapter
from admin_panel.metrics import declared
from admin_panel.metrics.declared import Metric, Sample
from admin_panel.metrics.redis import redis_counts
from bot.messages import Direction
from bot.models import Message, Notification
from exchanger.kernel.contexts import ALIASES, IDENTITY, SPECS, Context

Source = Callable[[datetime], Iterator[Sample]]

LARGE_BYTES = 1024 * 1024
MOST_TABLES = 20
STATES = ("active", "idle", "idle in transaction")  # told also where no connection is in them
MINUTE = timedelta(minutes=1)
# A notification that is sent later than this after it was made is not among those sent: no index finds it.
SENT_WITHIN = timedelta(days=2)

_SIZE = "SELECT pg_database_size(current_database())"
_TABLES = """
SELECT relname, size FROM (
    SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
) AS tables WHERE size >= %s ORDER BY size DESC, relname LIMIT %s
"""
# Replicas that were given no name of their own share one, and a series: it tells of the one furthest behind.
_REPLICAS = "SELECT replica, max(bytes), max(seconds) FROM list_replicas() GROUP BY replica"


def sources() -> dict[str, Source]:
    """Every source by its name. Each is called with the minute (aware) that is measured, and raises what it raises."""
    found: dict[str, Source] = {}
    for alias in ALIASES:
        found[f"size:{alias}"] = partial(_sizes, alias)
        found[f"connections:{alias}"] = partial(_connections, alias)
        found[f"replicas:{alias}"] = partial(_replicas, alias)
    for context, spec in SPECS.items():
        found[f"jobs:{context}"] = partial(_jobs, context, spec.alias)
    return found | {
        "sessions": _sessions,
        "old_sessions": _old_sessions,
        "deliveries": _deliveries,
        "inbox": _inbox,
        "notifications": _notifications,
        "messages": _messages,
        "redis": _redis,
    }


def _sizes(alias: str, at: datetime) -> Iterator[Sample]:
    [[size]] = _rows(alias, _SIZE)
    yield declared.DATABASE_SIZE.sample(size, database=alias)
    for table, table_size in _rows(alias, _TABLES, LARGE_BYTES, MOST_TABLES):
        yield declared.TABLE_SIZE.sample(table_size, database=alias, table=table)


def _connections(alias: str, at: datetime) -> Iterator[Sample]:
    found = dict.fromkeys(STATES, 0) | dict(_rows(alias, "SELECT state, connections FROM count_connections()"))
    for state, number in found.items():
        yield declared.CONNECTIONS.sample(number, database=alias, state=state)


def _replicas(alias: str, at: datetime) -> Iterator[Sample]:
    for replica, behind, seconds in _rows(alias, _REPLICAS):
        yield declared.REPLICATION_LAG_BYTES.sample(behind, database=alias, replica=replica)
        if seconds is not None:
            yield declared.REPLICATION_LAG_SECONDS.sample(seconds, database=alias, replica=replica)


def _jobs(context: Context, alias: str, at: datetime) -> Iterator[Sample]:
    [[waiting, running, since]] = _rows(alias, "SELECT waiting, running, oldest FROM count_jobs()")
    yield declared.JOBS_WAITING.sample(waiting, context=context)
    yield declared.JOBS_OLDEST.sample(_age(since, at), context=context)
    yield declared.JOBS_RUNNING.sample(running, context=context)


def _sessions(at: datetime) -> Iterator[Sample]:
    live = dict(_rows(IDENTITY, "SELECT application_context, live FROM count_live_sessions()"))
    for context in Context:
        yield declared.SESSIONS.sample(live.get(context.value, 0), context=context.value)


def _old_sessions(at: datetime) -> Iterator[Sample]:
    for context, way, moved in _rows(IDENTITY, "SELECT application_context, way, moved FROM count_old_sessions()"):
        yield declared.OLD_SESSIONS.sample(moved, context=context, way=way)


def _deliveries(at: datetime) -> Iterator[Sample]:
    backlog = AdminAdapter().find_event_backlog()
    yield declared.DELIVERIES_WAITING.sample(backlog.waiting)
    yield declared.DELIVERIES_OLDEST.sample(_age(backlog.since, at))


def _inbox(at: datetime) -> Iterator[Sample]:
    backlog = AdminAdapter().find_inbox_backlog()
    yield declared.INBOX_WAITING.sample(backlog.waiting)
    yield declared.INBOX_OLDEST.sample(_age(backlog.since, at))


def _notifications(at: datetime) -> Iterator[Sample]:
    waiting = Notification.objects.filter(sent=False, dead_at=None).aggregate(
        count=Count("pk"), since=Min("created_at")
    )
    yield declared.NOTIFICATIONS_WAITING.sample(waiting["count"])
    yield declared.NOTIFICATIONS_OLDEST.sample(_age(waiting["since"], at))
    sent = Q(sent=True, sent_at__gte=at - MINUTE, sent_at__lt=at, created_at__gte=at - SENT_WITHIN)
    yield declared.NOTIFICATIONS_SENT.sample(Notification.objects.filter(sent).count())


def _messages(at: datetime) -> Iterator[Sample]:
    sent = Message.objects.filter(sent_at__gte=at - MINUTE, sent_at__lt=at, content__direction=Direction.OUT)
    yield declared.MESSAGES_SENT.sample(sent.count())


def _redis(at: datetime) -> Iterator[Sample]:
    counts = redis_counts()
    told: dict[Metric, int] = {
        declared.REDIS_HITS: counts.hits,
        declared.REDIS_MISSES: counts.misses,
        declared.REDIS_MEMORY: counts.memory,
        declared.REDIS_KEYS: counts.keys,
    }
    for metric, value in told.items():
        yield metric.sample(value)


def _age(since: datetime | None, at: datetime) -> Decimal:
    """Seconds; what has begun after the minute did is not negative."""
    return Decimal(0) if since is None else max(Decimal(0), Decimal(str((at - since).total_seconds())))


def _rows(alias: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
