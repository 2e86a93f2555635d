"""What each context's workers do by the clock: the web application's affairs are its own workers', and no other's."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from exchanger.schedule import register
from exchanger.testing.jobs import run_jobs
from web.models import Order, OrderStatus, Quote
from web.services.quotes import KEEP_EXPIRED
from web.tests.factories import OrderFactory, QuoteFactory

OF_WEB = {
    "rates.fetch",
    "quotes.purge",
    "orders.expire",
    "payments.reconcile",
    "refunds.queue",
    "provider_events.purge",
}


def tasks() -> dict[str, Any]:
    """What ``register`` adds in this process's context."""
    app = App(connector=InMemoryConnector())
    register(app)
    return dict(app.tasks)


@pytest.mark.parametrize(("context", "scheduled"), [("web", OF_WEB), ("admin", set()), ("telegram", set())])
def test_rates_quotes_and_orders_are_the_web_workers_affair(context, scheduled, as_context):
    with as_context(context):
        assert set(tasks()) & OF_WEB == scheduled


@pytest.mark.context("web")
def test_where_nothing_is_published_no_provider_is_asked():
    tasks()["rates.fetch"].func(0)


@pytest.mark.context("web")
def test_old_quotes_are_purged():
    ended = timezone.now() - KEEP_EXPIRED - timedelta(days=1)
    QuoteFactory(created_at=ended - timedelta(minutes=1), expires_at=ended)
    tasks()["quotes.purge"].func(0)
    assert not Quote.objects.exists()


@pytest.mark.context("web")
def test_orders_that_were_not_paid_in_time_end():
    OrderFactory(expires_at=timezone.now() - timedelta(seconds=1))
    tasks()["orders.expire"].func(0)
    assert Order.objects.get().status == OrderStatus.EXPIRED


STALLED = """
WITH worker AS (
    INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id
)
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, worker_id, args)
SELECT 'default', name, lock, queueing_lock, 'doing', worker.id, '{"timestamp": 0}' FROM worker, (VALUES
    ('events.sweep', 'events.sweep', 'events.sweep'),
    ('sessions.purge', NULL, 'sessions.purge'),
    ('idempotency.purge', NULL, 'idempotency.purge')
) job (name, lock, queueing_lock)
"""
QUEUED = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args) VALUES
    ('default', 'jobs.retry_stalled', NULL, 'jobs.retry_stalled', '{"timestamp": 0}'),
    ('default', 'events.sweep', 'events.sweep', 'events.sweep', '{"timestamp": 0}'),
    ('default', 'sessions.purge', NULL, 'sessions.purge', '{"timestamp": 0}')
"""


@pytest.mark.context("web")
def test_a_job_that_died_while_the_next_of_its_kind_waits_holds_up_neither_that_one_nor_the_other_dead_ones(world):
    queue = world.superuser("web")
    queue.execute("DELETE FROM procrastinate_jobs")
    queue.execute(STALLED)
    queue.execute(QUEUED)
    run_jobs(register)
    ended = queue.execute("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY 1, 2").fetchall()
    assert ended == [
        ("events.sweep", "aborted"),
        ("events.sweep", "succeeded"),
        ("idempotency.purge", "succeeded"),
        ("jobs.retry_stalled", "succeeded"),
        ("sessions.purge", "aborted"),
        ("sessions.purge", "succeeded"),
    ]
