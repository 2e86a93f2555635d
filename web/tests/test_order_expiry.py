"""Orders that are not paid in time end so once: by one process or by many, and wherever one of them is killed."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import WorkerProcess
from exchanger.testing.waiting import until
from identity.tests.factories import UserFactory
from web.cache import WebCache
from web.models import AnalyticsEvent, Order, OrderStatus
from web.services.moves import order_lock
from web.services.orders import EXPIRE_BATCH, orders_expire
from web.tests.factories import OrderFactory
from web.tests.ordering import bearer, story, together

pytestmark = pytest.mark.context("web")
MANY = 2 * EXPIRE_BATCH + 7
RUN = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('default', 'orders.expire', 0, NULL, NULL, '{"timestamp": 0}', NULL)::procrastinate_job_to_defer_v1
])
"""


def overdue(seconds=1, **fields):
    return OrderFactory(expires_at=timezone.now() - timedelta(seconds=seconds), **fields)


def count(status):
    return Order.objects.filter(status=status).count()


def assert_each_ended_once(orders):
    assert set(Order.objects.values_list("status", flat=True)) == {OrderStatus.EXPIRED}
    assert AnalyticsEvent.objects.count() == len(orders)
    assert all(story(order.pk) == ["order.expired"] for order in orders)


def test_what_is_overdue_ends_and_nothing_else(world):
    late, on_time, legacy = overdue(), OrderFactory(expires_at=timezone.now() + timedelta(minutes=1)), OrderFactory()
    others = [overdue(status=status) for status in OrderStatus if status != OrderStatus.PENDING]
    before = {order.pk: order.status for order in (on_time, legacy, *others)}
    assert WebCache().get_order(late.pk)["status"] == "pending"
    assert orders_expire() == 1
    assert WebCache().get_order(late.pk)["status"] == "expired"
    assert dict(Order.objects.exclude(pk=late.pk).values_list("pk", "status")) == before
    assert story(late.pk) == ["order.expired"]
    assert AnalyticsEvent.objects.get().event_data["previous"] == "pending"
    assert orders_expire() == 0
    assert AnalyticsEvent.objects.count() == 1


def test_an_order_ends_with_the_moment_that_its_client_was_told(world):
    anna = UserFactory()
    order = OrderFactory(user_id=anna.pk, expires_at=timezone.now() + timedelta(hours=1))
    shown = bearer(anna).get(f"/api/v1/orders/{order.pk}/").json()
    assert shown["expires_at"] == order.expires_at.isoformat().replace("+00:00", "Z")
    assert orders_expire() == 0


def test_many_end_in_batches_that_commit_one_by_one():
    orders = [overdue() for _ in range(MANY)]
    with CaptureQueriesContext(connections["web"]) as done:
        assert orders_expire() == MANY
    locking = [query for query in done if "SKIP LOCKED" in query["sql"]]
    assert len(locking) == 3
    assert_each_ended_once(orders)


def test_an_order_that_somebody_is_at_is_left_and_not_waited_for():
    held, free = overdue(seconds=2), overdue()
    results = []

    def expire():
        try:
            results.append(orders_expire())
        finally:
            connections.close_all()

    with transaction.atomic(using="web"):
        order_lock(order_id=held.pk)
        thread = threading.Thread(target=expire)
        thread.start()
        thread.join()
    assert results == [1]
    assert dict(Order.objects.values_list("pk", "status")) == {held.pk: "pending", free.pk: "expired"}
    assert orders_expire() == 1


def test_several_at_once_end_each_order_once():
    orders = [overdue() for _ in range(MANY)]
    results = together([orders_expire] * 4, threads=4)
    assert sum(results) == MANY
    assert_each_ended_once(orders)


# --- Real workers, killed


@pytest.fixture
def start(world):
    """Starts web's workers; whoever is left is killed after the test. Nobody listens to the events."""
    running = []

    def started():
        log = world.paths.logs / f"expiry-{len(running)}.log"
        running.append(WorkerProcess(Context.WEB, world.environments, log, TELEGRAM_INTERNAL_URL="http://127.0.0.1:1"))
        return running[-1]

    yield started
    for worker in running:
        if worker.process.poll() is None:
            worker.kill()


def logs(*workers):
    return lambda: "\n".join(worker.log.read_text() for worker in workers)


WAITING = "FROM pg_locks WHERE NOT granted"  # unlike pg_stat_activity, not frozen for the length of a transaction


@contextmanager
def held(world, statement, *parameters):
    """The superuser's transaction that is in a worker's way for the length of the block, and then undone."""
    with world.superuser("web").transaction():
        world.superuser("web").execute(statement, parameters)
        yield
        raise psycopg.Rollback


def kill_where_it_waits(worker, world, ended):
    """Kill a worker at the lock, and its statement with it, which would learn of its client's end only afterwards."""
    connection = world.superuser("web")
    waits = f"SELECT {WAITING}"
    until(lambda: count(OrderStatus.EXPIRED) == ended and connection.execute(waits).rowcount, logs(worker))
    worker.kill()
    connection.execute(f"SELECT pg_terminate_backend(pid) {WAITING}")
    until(lambda: not connection.execute(waits).rowcount, logs(worker))


EVENT = """
WITH event AS (INSERT INTO analytics_events (event_type) VALUES ('in the way') RETURNING id)
INSERT INTO event_deliveries (event_id, order_id, sequence) SELECT id, %s, 1 FROM event
"""
TABLE = "LOCK TABLE cache_invalidations IN SHARE ROW EXCLUSIVE MODE"


@pytest.mark.parametrize(
    ("place", "ended"), [("the first batch's first order", 0), ("the second batch's last order", EXPIRE_BATCH)]
)
def test_a_worker_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(place, ended, start, world):
    orders = [overdue(seconds=1000 - number) for number in range(EXPIRE_BATCH + 3)]
    in_the_way = (EVENT, orders[-1].pk) if ended else (TABLE,)
    with held(world, *in_the_way):
        worker = start()  # does at once what the schedule had for this minute
        kill_where_it_waits(worker, world, ended)
    assert count(OrderStatus.EXPIRED) == ended
    assert AnalyticsEvent.objects.count() == ended
    world.superuser("web").execute(RUN)
    worker = start()
    until(lambda: count(OrderStatus.PENDING) == 0, logs(worker))
    assert_each_ended_once(orders)


def test_two_workers_at_once_end_each_order_once(start, world):
    orders = [overdue() for _ in range(MANY)]
    workers = [start(), start()]
    for _ in range(4):
        world.superuser("web").execute(RUN)
    until(lambda: count(OrderStatus.PENDING) == 0, logs(*workers))
    assert_each_ended_once(orders)
