"""Time, faster: what the schedule does each minute is done every few seconds, and waiting times are cut short."""

import sqlite3
import threading
import time
from contextlib import closing

import psycopg

from bench.exchanging.parts import Platform
from exchanger.kernel.contexts import Context, database_name
from exchanger.local.environments import BOOTSTRAP

EVERY_SECONDS = 2.0
LATE_SECONDS = 20.0  # how late the card processor's late calls are here, instead of two minutes
_SCHEDULED = (
    (Context.WEB, "payments.reconcile", "payments.reconcile"),
    (Context.WEB, "refunds.queue", "refunds.queue"),
    (Context.WEB, "orders.expire", None),
    (Context.WEB, "events.sweep", "events.sweep"),
    (Context.WEB, "cache.replay", None),
    (Context.WEB, "jobs.retry_stalled", None),
    (Context.TELEGRAM, "cache.replay", None),
    (Context.TELEGRAM, "jobs.retry_stalled", None),
)
# As if these payments had begun earlier: the platform asks the processor about those of a while ago alone.
_AGE = """
UPDATE payments SET created_at = created_at - interval '2 minutes'
WHERE payment_method = 'card' AND created_at BETWEEN now() - interval '2 minutes' AND now() - interval '4 seconds'
"""
_TRY_NOW = "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND scheduled_at > now()"
_TELL = """SELECT pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}')"""


class Clock:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.late_seconds = LATE_SECONDS
        dsn = platform.servers.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
        self._dsn = psycopg.conninfo.make_conninfo(dsn, dbname=database_name("web"))

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY_SECONDS):
            self.tick()

    def tick(self) -> None:
        for context, task, lock in _SCHEDULED:
            self.platform.defer(context, task, lock)
        # PostgreSQL lets nobody change a payment's figures, so its triggers rest for the one statement.
        with psycopg.connect(self._dsn) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(_AGE)
        for alias in ("web", "bot"):
            jobs = self.platform.servers.superuser(alias)
            if jobs.execute(_TRY_NOW).rowcount:
                jobs.execute(_TELL)
        now = time.time()
        with closing(sqlite3.connect(self.platform.state)) as books, books:
            soon = now + self.late_seconds
            books.execute("UPDATE calls SET due = ? WHERE due > ?", (soon, soon))
