"""From a change in web to a message in the bot's queue, by real workers over real HTTP: nothing lost, nothing doubled.

What goes wrong is made to: a proxy before the telegram process fails as told, and workers are killed (SIGKILL) at
places where a lock of the test holds them. Waiting times of retries and of stalled jobs are cut short in the tables.
"""

import itertools
from contextlib import contextmanager

import pytest
from django.db import transaction

from exchanger.kernel.contexts import Context
from exchanger.kernel.events import Event
from exchanger.testing.jobs import give_back_stalled, queue_scheduled
from exchanger.testing.processes import WorkerProcess
from exchanger.testing.proxy import (
    FaultyProxy,
    answer_lost,
    broken,
    held_after,
    held_before,
    passes,
    refused,
)
from exchanger.testing.waiting import until
from identity.tests.factories import UserFactory
from web.services.events import event_publish
from web.tests.factories import OrderFactory

WAIT_SECONDS = 90
TYPES = ("order.created", "order.paid", "order.processing", "order.completed")


class Platform:
    """The telegram process behind a proxy, and the workers that a test starts."""

    def __init__(self, world, processes):
        self.web, self.bot = world.superuser("web"), world.superuser("bot")
        self.world = world
        self.proxy = FaultyProxy(processes[Context.TELEGRAM].url)
        self.workers = []
        self._numbers = itertools.count()

    def start(self, context):
        log = self.world.paths.logs / f"events-{context}-{next(self._numbers)}.log"
        worker = WorkerProcess(context, self.world.environments, log, TELEGRAM_INTERNAL_URL=self.proxy.url)
        self.workers.append(worker)
        return worker

    def close(self):
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        self.proxy.close()

    def delivered(self):
        return self.web.execute("SELECT count(*) FROM event_deliveries WHERE delivered_at IS NOT NULL").fetchone()[0]

    def handled(self):
        return self.bot.execute("SELECT count(*) FROM event_inbox WHERE handled_at IS NOT NULL").fetchone()[0]

    def handles(self):
        doing = "SELECT FROM procrastinate_jobs WHERE status = 'doing' AND task_name LIKE 'events.%'"
        return self.bot.execute(doing).rowcount

    def waits_for(self, condition):
        """Wait, and meanwhile cut short the time until the next try of whatever has failed."""

        def holds_after_hurrying():
            for connection in (self.web, self.bot):
                hurried = connection.execute(
                    "UPDATE procrastinate_jobs SET scheduled_at = NULL"
                    " WHERE status = 'todo' AND scheduled_at IS NOT NULL AND task_name LIKE 'events.%'"
                )
                if hurried.rowcount:
                    connection.execute(
                        """SELECT pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}')"""
                    )
            return condition()

        if not condition():
            until(holds_after_hurrying, self.logs, seconds=WAIT_SECONDS)

    def logs(self):
        return "\n".join(worker.log.read_text() for worker in self.workers)

    def sent(self):
        return [Event.from_bytes(body) for body in self.proxy.sent]


@pytest.fixture
def platform(world, processes):
    platform = Platform(world, processes)
    yield platform
    platform.close()


@pytest.fixture
def owner(world):
    return UserFactory(profile__telegram_user_id=7001)


def publish(order, as_context, types=TYPES, context="web"):
    with as_context(context):
        for event_type in types:
            with transaction.atomic(using="web"):
                event_publish(event_type=event_type, order_id=order.pk, user_id=order.user_id, data={"amount": "1.00"})


def assert_told_once_and_in_order(platform, orders, types=TYPES):
    """Each order's events are in the inbox once, handled in order, and each made one notification, in order."""
    for order in orders:
        inbox = platform.bot.execute(
            "SELECT sequence, event_type FROM event_inbox WHERE order_id = %s ORDER BY handled_at", (order.pk,)
        ).fetchall()
        assert inbox == list(enumerate(types, start=1))
        told = platform.bot.execute(
            "SELECT notification_type FROM notifications WHERE user_id = %s AND message LIKE %s ORDER BY created_at",
            (order.user_id, f"%{order.pk.hex[:8].upper()}%"),
        ).fetchall()
        assert told == [(event_type,) for event_type in types]
    for connection in (platform.web, platform.bot):
        left = "SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE 'events.%' AND status = 'failed'"
        assert connection.execute(left).fetchone() == (0,)


def test_what_operators_and_clients_change_reaches_the_owner(platform, owner, as_context):
    order = OrderFactory(user_id=owner.pk)
    platform.start(Context.WEB)
    platform.start(Context.TELEGRAM)
    publish(order, as_context, TYPES[:2])
    publish(order, as_context, TYPES[2:], context="admin")
    platform.waits_for(lambda: platform.handled() == 4)
    assert_told_once_and_in_order(platform, [order])
    assert [event.sequence for event in platform.sent()] == [1, 2, 3, 4]


def test_with_several_workers_and_a_receiver_that_fails_in_every_way_all_arrives_once_and_in_order(
    platform, owner, as_context
):
    orders = [OrderFactory(user_id=owner.pk) for _ in range(3)]
    platform.proxy.faults.extend([broken, answer_lost, refused, passes, answer_lost, broken, passes, refused] * 2)
    for context in (Context.WEB, Context.WEB, Context.TELEGRAM, Context.TELEGRAM):
        platform.start(context)
    for order in orders:
        publish(order, as_context)
    platform.waits_for(lambda: platform.handled() == 12)
    platform.waits_for(lambda: platform.delivered() == 12)
    assert_told_once_and_in_order(platform, orders)
    assert not platform.proxy.faults
    for order in orders:
        sequences = [event.sequence for event in platform.sent() if event.order_id == order.pk]
        assert sequences == sorted(sequences), "a later event was sent before an earlier one was accepted"


def test_a_receiver_that_is_too_slow_is_tried_again_and_the_event_is_there_once(platform, owner, as_context):
    order = OrderFactory(user_id=owner.pk)
    platform.proxy.faults.append(held_after)
    platform.start(Context.WEB)
    platform.start(Context.TELEGRAM)
    publish(order, as_context)
    platform.waits_for(lambda: platform.delivered() == 4)  # after the sender gave up waiting
    platform.waits_for(lambda: platform.handled() == 4)
    assert_told_once_and_in_order(platform, [order])
    assert [event.sequence for event in platform.sent()] == [1, 1, 2, 3, 4]


def test_other_orders_do_not_wait_for_one_that_cannot_be_delivered(platform, owner, as_context):
    stuck, free = OrderFactory(user_id=owner.pk), OrderFactory(user_id=owner.pk)
    platform.proxy.faults.append(held_before)
    platform.start(Context.WEB)
    platform.start(Context.TELEGRAM)
    publish(stuck, as_context)
    platform.waits_for(platform.proxy.waiting.is_set)
    publish(free, as_context)
    platform.waits_for(lambda: platform.handled() == 4)
    assert_told_once_and_in_order(platform, [free])
    platform.proxy.release.set()
    platform.waits_for(lambda: platform.handled() == 8)
    assert_told_once_and_in_order(platform, [stuck, free])


@pytest.mark.parametrize("place", [held_before, held_after])
def test_a_worker_killed_while_it_sends_loses_and_doubles_nothing(place, platform, owner, as_context):
    order = OrderFactory(user_id=owner.pk)
    platform.proxy.faults.extend([passes, place])
    platform.start(Context.TELEGRAM)
    worker = platform.start(Context.WEB)
    publish(order, as_context)
    platform.waits_for(platform.proxy.waiting.is_set)
    worker.kill()
    platform.proxy.release.set()
    assert platform.delivered() == 1
    give_back_stalled(platform.web)
    platform.start(Context.WEB)
    platform.waits_for(lambda: platform.handled() == 4)
    platform.waits_for(lambda: platform.delivered() == 4)
    assert_told_once_and_in_order(platform, [order])
    assert [event.sequence for event in platform.sent()] == [1, 2, 2, 3, 4]


@contextmanager
def locked(world, alias, statement):
    """A transaction of the superuser's that holds a lock for the length of the block."""
    with world.superuser(alias).transaction():
        world.superuser(alias).execute(statement)
        yield


# Unlike pg_stat_activity, pg_locks is not frozen for the length of a transaction.
WAITING = """
FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def kill_where_it_waits(worker, platform, connection, come):
    """Kill a worker that has come to the connection's lock, and what PostgreSQL does for it with it.

    ``come`` holds as soon as what waits can be no other work of the worker's, as its look for the next job is.
    (A session that waits for a lock would learn of its client's end only after the statement.)
    """

    def waits():
        return come() and connection.execute(f"SELECT {WAITING}").rowcount

    until(waits, platform.logs, seconds=WAIT_SECONDS)
    worker.kill()
    connection.execute(f"SELECT pg_terminate_backend(pid) {WAITING}")
    until(lambda: not connection.execute(f"SELECT {WAITING}").rowcount, platform.logs, seconds=WAIT_SECONDS)


@pytest.mark.parametrize(
    ("lock", "delivered"),
    [
        ("LOCK TABLE event_deliveries IN SHARE ROW EXCLUSIVE MODE", 0),  # accepted, and not marked yet
        ("LOCK TABLE procrastinate_jobs IN SHARE ROW EXCLUSIVE MODE", 1),  # marked, and its job not ended yet
    ],
)
def test_a_worker_killed_after_it_has_sent_loses_and_doubles_nothing(lock, delivered, platform, owner, as_context):
    order = OrderFactory(user_id=owner.pk)
    platform.proxy.faults.append(held_until_released)
    platform.start(Context.TELEGRAM)
    worker = platform.start(Context.WEB)
    publish(order, as_context, TYPES[:1])
    platform.waits_for(platform.proxy.waiting.is_set)
    with locked(platform.world, "web", lock):
        platform.proxy.release.set()
        kill_where_it_waits(worker, platform, platform.web, come=lambda: platform.delivered() == delivered)
    assert platform.delivered() == delivered
    publish(order, as_context, TYPES[1:])
    give_back_stalled(platform.web)
    platform.start(Context.WEB)
    platform.waits_for(lambda: platform.handled() == 4)
    platform.waits_for(lambda: platform.delivered() == 4)
    assert_told_once_and_in_order(platform, [order])


def held_until_released(proxy, forward):
    """The request arrives; its answer is heard when the test says so."""
    answer = forward()
    proxy.hold()
    return answer


def test_a_bots_worker_killed_in_the_middle_of_an_event_loses_and_doubles_nothing(platform, owner, as_context):
    order = OrderFactory(user_id=owner.pk)
    platform.start(Context.WEB)
    publish(order, as_context)
    platform.waits_for(lambda: platform.delivered() == 4)
    with locked(platform.world, "bot", "LOCK TABLE notifications IN SHARE ROW EXCLUSIVE MODE"):
        worker = platform.start(Context.TELEGRAM)
        kill_where_it_waits(worker, platform, platform.bot, come=platform.handles)
    assert platform.handled() == 0
    give_back_stalled(platform.bot)
    platform.start(Context.TELEGRAM)
    platform.waits_for(lambda: platform.handled() == 4)
    assert_told_once_and_in_order(platform, [order])


def test_what_waits_without_a_job_is_swept_up(platform, owner, as_context):
    """A job that somebody cancelled, or that an older release's worker did not know, ends without its event."""
    order = OrderFactory(user_id=owner.pk)
    publish(order, as_context)
    platform.web.execute("UPDATE procrastinate_jobs SET status = 'cancelled'")
    platform.web.execute("UPDATE event_deliveries SET created_at = now() - interval '1 hour'")
    platform.start(Context.TELEGRAM)
    platform.start(Context.WEB)
    queue_scheduled(platform.web, "events.sweep")
    platform.waits_for(lambda: platform.handled() == 4)
    assert_told_once_and_in_order(platform, [order])
