"""A web process that is killed while it makes an order leaves all of it or nothing, and its key tells which."""

import threading

import psycopg
import pytest

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.waiting import until
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.models import Order
from web.tests.factories import QuoteFactory
from web.tests.ordering import NOTHING, URL, story, traces
from web.tests.test_order_expiry import WAITING, logs

pytestmark = pytest.mark.context("web")
PLACES = ["quotes", "analytics_events", "event_deliveries", "idempotency_keys"]


@pytest.fixture
def start(world):
    """Starts web processes; all are gone after the test."""
    running = []

    def started():
        log = world.paths.logs / f"orders-{len(running)}.log"
        running.append(ApplicationProcess(Context.WEB, world.environments, log))
        return running[-1]

    yield started
    for process in running:
        if process.process.poll() is None:
            process.stop()


@pytest.mark.parametrize("place", PLACES)
def test_a_process_killed_before_it_writes_there_leaves_nothing_and_the_key_is_as_good_as_new(
    place, start, world, publish
):
    publish()
    anna = UserFactory()
    quote = QuoteFactory(user_id=anna.pk)
    request = {
        "json": {"quote_id": str(quote.pk)},
        "headers": {"Authorization": f"Bearer {session_open(user=anna).session_key}", "Idempotency-Key": "k-1"},
    }
    process, failures = start(), []

    def first():
        with process.client() as client:
            try:
                client.post(URL, **request)
            except Exception as failure:
                failures.append(failure)

    thread = threading.Thread(target=first)
    web = world.superuser("web")
    with web.transaction():
        web.execute(f"LOCK TABLE {place} IN SHARE MODE")
        thread.start()
        until(lambda: web.execute(f"SELECT {WAITING}").rowcount, logs(process))
        process.kill()
        thread.join()
        # A session that waits for a lock would learn of its client's end only after the statement.
        web.execute(f"SELECT pg_terminate_backend(pid) {WAITING}")
        until(lambda: not web.execute(f"SELECT {WAITING}").rowcount, logs(process))
        raise psycopg.Rollback
    assert failures
    assert traces() == NOTHING
    with start().client() as client:
        made = client.post(URL, **request)
        again = client.post(URL, **request)
    assert made.status_code == again.status_code == 201
    assert ("Idempotency-Replayed" in made.headers, "Idempotency-Replayed" in again.headers) == (False, True)
    assert made.content == again.content
    assert traces() == (1, 1, 1, 1, 0, 0, 1)
    assert story(Order.objects.get().pk) == ["order.created"]
