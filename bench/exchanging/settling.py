"""After the load: time for everything that is under way to come to its end."""

import sqlite3
import time
from contextlib import closing

import psycopg

from bench.exchanging.clock import Clock
from bench.exchanging.parts import Platform

TICK_SECONDS = 0.5
LONGEST_SECONDS = 150
_WEB = {
    "pending orders": "SELECT count(*) FROM orders WHERE status = 'pending'",
    "orders for operators": "SELECT count(*) FROM orders WHERE status IN ('paid', 'processing')",
    "refunds under way": "SELECT count(*) FROM refunds WHERE status IN ('requested', 'approved')",
    "events to deliver": "SELECT count(*) FROM event_deliveries WHERE delivered_at IS NULL",
}
_JOBS = """
SELECT count(*) FROM procrastinate_jobs
WHERE status IN ('todo', 'doing') AND task_name IN ('events.deliver', 'events.handle', 'refunds.send')
"""


def settle(platform: Platform, clock: Clock) -> dict[str, int]:
    """Wait until nothing is under way any more; returns what is, if patience ends before."""
    clock.late_seconds = 0
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        clock.tick()
        left = {name: count for name, count in _under_way(platform).items() if count}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(TICK_SECONDS)


def _under_way(platform: Platform) -> dict[str, int]:
    web, bot = platform.servers.superuser("web"), platform.servers.superuser("bot")
    found = {name: _count(web, statement) for name, statement in _WEB.items()}
    found["events to handle"] = _count(bot, "SELECT count(*) FROM event_inbox WHERE handled_at IS NULL")
    found["jobs"] = _count(web, _JOBS) + _count(bot, _JOBS)
    waiting = web.execute(
        "SELECT id::text FROM payments WHERE payment_method = 'card' AND status IN ('pending', 'failed')"
    )
    unpaid = {payment_id for (payment_id,) in waiting}
    with closing(sqlite3.connect(platform.state)) as books:
        found["calls of the card processor"] = books.execute("SELECT count(*) FROM calls").fetchone()[0]
        charged = books.execute("SELECT payment_id FROM charges WHERE json_extract(document, '$.status') = 'succeeded'")
        found["charges that are not booked"] = len(unpaid & {payment_id for (payment_id,) in charged})
    return found


def _count(connection: psycopg.Connection, statement: str) -> int:
    [(count,)] = connection.execute(statement).fetchall()
    return int(count)
