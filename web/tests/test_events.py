"""An event is recorded, numbered and queued with the change that it tells of, or not at all."""

import io
import threading
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.db.transaction import TransactionManagementError
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from web.adapter import WebAdapter
from web.jobs import register
from web.models import AnalyticsEvent, EventDelivery, Order
from web.services.events import event_publish
from web.tests.factories import OrderFactory


def publish(order, event_type="order.paid", **data):
    with transaction.atomic(using="web"):
        return event_publish(event_type=event_type, order_id=order.pk, user_id=order.user_id, data=data)


def queued(world):
    found = world.superuser("web").execute(
        "SELECT task_name, lock, args, status::text FROM procrastinate_jobs ORDER BY id"
    )
    return found.fetchall()


def job_of(order):
    return ("events.deliver", f"events.{order.pk}", {"order_id": str(order.pk)}, "todo")


@pytest.mark.parametrize("context", ["web", "admin"])
def test_an_event_is_recorded_numbered_and_queued_whoever_publishes_it(context, world, as_context):
    order = OrderFactory()
    with as_context(context):
        first, second = publish(order, amount="100"), publish(order, "order.completed")
    assert (first.sequence, second.sequence) == (1, 2)
    with as_context("web"):
        recorded = AnalyticsEvent.objects.get(pk=first.id)
        assert (recorded.event_type, recorded.event_data) == ("order.paid", {"amount": "100"})
        assert recorded.user_id == order.user_id
        assert WebAdapter().find_next_delivery(order.pk).event_id == first.id
    assert queued(world) == [job_of(order)] * 2


@pytest.mark.context("web")
def test_a_change_that_is_rolled_back_announces_nothing(world):
    order = OrderFactory()
    with transaction.atomic(using="web"):
        event_publish(event_type="order.paid", order_id=order.pk, user_id=None, data={})
        transaction.set_rollback(True, using="web")
    assert (AnalyticsEvent.objects.count(), EventDelivery.objects.count(), queued(world)) == (0, 0, [])
    assert publish(order).sequence == 1


@pytest.mark.context("web")
def test_there_is_no_event_without_a_transaction_or_an_order(world):
    with pytest.raises(TransactionManagementError):
        event_publish(event_type="order.paid", order_id=OrderFactory().pk, user_id=None, data={})
    with pytest.raises(Order.DoesNotExist):
        publish(OrderFactory.build(id=uuid.uuid4()))
    assert (AnalyticsEvent.objects.count(), EventDelivery.objects.count(), queued(world)) == (0, 0, [])


@pytest.mark.context("web")
def test_events_published_at_once_are_numbered_without_gaps_or_repetition(world):
    order, other = OrderFactory(), OrderFactory()
    together = threading.Barrier(4)

    def write():
        try:
            together.wait()
            for _ in range(5):
                publish(order)
        finally:
            connections["web"].close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publish(other).sequence == 1
    numbers = EventDelivery.objects.filter(order=order).order_by("sequence").values_list("sequence", flat=True)
    assert list(numbers) == list(range(1, 21))
    assert queued(world).count(job_of(order)) == 20


@pytest.mark.context("web")
def test_what_waits_is_counted_and_dated():
    assert WebAdapter().find_event_backlog().waiting == 0
    order = OrderFactory()
    publish(order)
    publish(order)
    first = WebAdapter().find_next_delivery(order.pk)
    backlog = WebAdapter().find_event_backlog()
    assert (backlog.waiting, backlog.since) == (2, first.created_at)
    EventDelivery.objects.filter(pk=first.pk).update(delivered_at=first.created_at)
    assert WebAdapter().find_event_backlog().waiting == 1
    assert WebAdapter().find_next_delivery(order.pk).sequence == 2


@pytest.mark.context("web")
def test_an_order_without_a_job_counts_as_stranded_after_a_while_and_not_before(world):
    order, waiting = OrderFactory(), OrderFactory()
    publish(order)
    publish(waiting)
    web = world.superuser("web")
    web.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE lock = %s", (f"events.{order.pk}",))
    assert WebAdapter().find_stranded_orders() == []
    web.execute("UPDATE event_deliveries SET created_at = now() - interval '10 minutes'")
    assert WebAdapter().find_stranded_orders() == [order.pk]


@pytest.mark.context("web")
def test_the_sweep_queues_every_order_whatever_is_refused_of_another(world):
    orders = [OrderFactory(), OrderFactory()]
    for order in orders:
        publish(order)
    web = world.superuser("web")
    web.execute("DELETE FROM procrastinate_jobs")
    web.execute("UPDATE event_deliveries SET created_at = now() - interval '10 minutes'")
    app = App(connector=InMemoryConnector())
    register(app)
    for _ in range(2):  # those that have a job are left to it
        app.tasks["events.sweep"].func(0)
        assert sorted(queued(world)) == sorted(map(job_of, orders))


@pytest.mark.context("web")
@pytest.mark.parametrize("since", ["2026-02-01T00:00", "2026-02-01T02:00+02:00"])
def test_what_was_accepted_since_a_moment_can_be_made_to_wait_again(since):
    order = OrderFactory()
    for accepted in ("2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", None):
        EventDelivery.objects.filter(event_id=publish(order).id).update(delivered_at=accepted)
    out = io.StringIO()
    call_command("redeliver_events", since=since, stdout=out)
    assert out.getvalue().startswith("1 events wait again")
    waiting = EventDelivery.objects.waiting().order_by("sequence")
    assert [delivery.sequence for delivery in waiting] == [2, 3]
    with pytest.raises(CommandError):
        call_command("redeliver_events", since="yesterday")
