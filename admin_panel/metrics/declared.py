"""Every system metric, declared once: its name as Prometheus has it, what its value is, and which tags it carries.

The collection, ``/metrics``, the panel and docs/metrics.md all go by this list. A name ends with its unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

Number = int | Decimal
Tags = dict[str, str]


class Kind(StrEnum):
    """A gauge goes up and down, and is averaged where it is thinned; a counter only grows, and its last value stays."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric, with a value for each of its tags."""

    metric: "Metric"
    value: Number
    tags: Tags


@dataclass(frozen=True, slots=True)
class Metric:
    """A thing that is measured; ``unit`` is what one is, and ``tags`` tell its series apart."""

    name: str
    kind: Kind
    unit: str
    tags: tuple[str, ...]
    help: str

    def sample(self, value: Number, **tags: str) -> Sample:
        """Raises ValueError: the tags are not those that are declared."""
        if tuple(tags) != self.tags:
            raise ValueError(f"{self.name} has the tags {self.tags}, not {tuple(tags)}")
        return Sample(self, value, tags)


def _gauge(name: str, unit: str, tags: Iterable[str], help_: str) -> Metric:
    return Metric(f"exchanger_{name}", Kind.GAUGE, unit, tuple(tags), help_)


def _counter(name: str, unit: str, help_: str) -> Metric:
    return Metric(f"exchanger_{name}", Kind.COUNTER, unit, (), help_)


SOURCE_UP = _gauge(
    "metrics_source_up", "1 or 0", ["source"], "Whether what the other metrics are read from answered in this minute."
)
DATABASE_SIZE = _gauge("database_size_bytes", "bytes", ["database"], "Size of a database on its disk.")
TABLE_SIZE = _gauge(
    "table_size_bytes",
    "bytes",
    ["database", "table"],
    "Size of a large table with its indexes; its growth is the difference of two.",
)
CONNECTIONS = _gauge(
    "database_connections",
    "connections",
    ["database", "state"],
    "Clients' connections to a database, by what PostgreSQL says that they do.",
)
REPLICATION_LAG_BYTES = _gauge(
    "replication_lag_bytes",
    "bytes",
    ["database", "replica"],
    "How much of the write-ahead log a replica has not replayed yet. There is none without replicas.",
)
REPLICATION_LAG_SECONDS = _gauge(
    "replication_lag_seconds",
    "seconds",
    ["database", "replica"],
    "How old what a replica replays is, where PostgreSQL can tell.",
)
SESSIONS = _gauge("sessions_live", "sessions", ["context"], "Sessions of people that have not ended.")
OLD_SESSIONS = _gauge(
    "old_sessions_moved",
    "sessions",
    ["context", "way"],
    "Sessions of an older platform that have become ours, by import or when somebody came with one.",
)
REDIS_HITS = _counter(
    "redis_keyspace_hits_total", "look-ups", "Keys that were looked up in Redis and were there, since it started."
)
REDIS_MISSES = _counter(
    "redis_keyspace_misses_total", "look-ups", "Keys that were looked up in Redis and were not there."
)
REDIS_MEMORY = _gauge("redis_memory_used_bytes", "bytes", [], "Memory that Redis uses.")
REDIS_KEYS = _gauge("redis_keys", "keys", [], "Keys in Redis.")
JOBS_WAITING = _gauge("jobs_waiting", "jobs", ["context"], "Jobs that are due and that no worker has taken up.")
JOBS_OLDEST = _gauge(
    "jobs_oldest_waiting_seconds", "seconds", ["context"], "How long the oldest of them has been due; 0 without any."
)
JOBS_RUNNING = _gauge("jobs_running", "jobs", ["context"], "Jobs that workers are doing.")
DELIVERIES_WAITING = _gauge(
    "event_deliveries_waiting", "events", [], "Events of orders that telegram has not accepted from web yet."
)
DELIVERIES_OLDEST = _gauge(
    "event_deliveries_oldest_seconds", "seconds", [], "How long the oldest of them has waited; 0 without any."
)
INBOX_WAITING = _gauge("event_inbox_waiting", "events", [], "Events that telegram has accepted and not handled yet.")
INBOX_OLDEST = _gauge(
    "event_inbox_oldest_seconds", "seconds", [], "How long the oldest of them has waited; 0 without any."
)
NOTIFICATIONS_WAITING = _gauge("notifications_waiting", "messages", [], "Notifications that have not been sent.")
NOTIFICATIONS_OLDEST = _gauge(
    "notifications_oldest_seconds", "seconds", [], "How long the oldest of them has waited; 0 without any."
)
NOTIFICATIONS_SENT = _gauge(
    "notifications_sent_last_minute", "messages", [], "Notifications that the bot sent in the minute before."
)
MESSAGES_SENT = _gauge(
    "bot_messages_sent_last_minute", "messages", [], "All that the bot said in its chats in the minute before."
)

METRICS = (
    SOURCE_UP, DATABASE_SIZE, TABLE_SIZE, CONNECTIONS, REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS, SESSIONS,
    OLD_SESSIONS, REDIS_HITS, REDIS_MISSES, REDIS_MEMORY, REDIS_KEYS, JOBS_WAITING, JOBS_OLDEST, JOBS_RUNNING,
    DELIVERIES_WAITING, DELIVERIES_OLDEST, INBOX_WAITING, INBOX_OLDEST, NOTIFICATIONS_WAITING, NOTIFICATIONS_OLDEST,
    NOTIFICATIONS_SENT, MESSAGES_SENT,
)  # fmt: skip
BY_NAME = {metric.name: metric for metric in METRICS}
COUNTERS = [metric.name for metric in METRICS if metric.kind is Kind.COUNTER]
