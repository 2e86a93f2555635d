"""Idempotency-Key: one change and one answer per key, whoever repeats, and wherever a process dies."""

import json
import threading
from contextlib import contextmanager

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.waiting import until
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.models import IdempotencyKey, Payment, Transaction
from web.services.idempotency import PURGE_BATCH, idempotency_purge
from web.tests.factories import OrderFactory
from web.tests.idempotency_app import HOLD, WAIT_HEADER

pytestmark = [pytest.mark.context("web"), pytest.mark.urls("web.tests.idempotency_app")]

PAY = "/api/v1/pay/"
WAIT_SECONDS = 60


@pytest.fixture
def client():
    return bearer(UserFactory())


@pytest.fixture
def order():
    return OrderFactory()


def bearer(user):
    return Client(
        headers={"Authorization": f"Bearer {session_open(user=user).session_key}"}, raise_request_exception=False
    )


def pay(client, order, key="k-1", **body):
    headers = {} if key is None else {"Idempotency-Key": key}
    content = json.dumps({"order": str(order.pk), **body})
    return client.post(PAY, content, "application/json", headers=headers)


def changes():
    return Payment.objects.count(), Transaction.objects.count(), IdempotencyKey.objects.count()


def test_a_repeated_request_gets_the_first_answer_byte_for_byte_and_changes_nothing(client, order):
    first = pay(client, order)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    assert changes() == (1, 2, 1)
    again = pay(client, order)
    assert (again.status_code, again.content) == (201, first.content)
    assert "Ялинка" in again.content.decode()
    assert dict(again.headers) == {**first.headers, "Idempotency-Replayed": "true"}
    assert again.headers["Content-Type"] == "application/json"
    assert again.headers["Location"].startswith("/payments/")
    assert changes() == (1, 2, 1)


@pytest.mark.parametrize("difference", ["body", "spaces", "path", "query"])
def test_another_request_with_the_key_is_a_conflict_and_changes_nothing(difference, client, order):
    first = pay(client, order)
    match difference:
        case "body":
            answer = pay(client, OrderFactory())
        case "spaces":
            content = json.dumps({"order": str(order.pk)}) + " "
            answer = client.post(PAY, content, "application/json", headers={"Idempotency-Key": "k-1"})
        case "path" | "query":
            content = json.dumps({"order": str(order.pk)})
            answer = client.post(f"{PAY}?{difference}", content, "application/json", headers={"Idempotency-Key": "k-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert changes() == (1, 2, 1)
    assert pay(client, order).content == first.content


def test_a_key_is_its_persons_own(client, order):
    first, second = pay(client, order), pay(bearer(UserFactory()), order)
    assert first.status_code == second.status_code == 201
    assert first.json()["payment"] != second.json()["payment"]
    assert changes() == (2, 4, 2)


@pytest.mark.parametrize("key", ["", None])
def test_a_key_is_required(key, client, order):
    answer = pay(client, order, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert changes() == (0, 0, 0)


@pytest.mark.parametrize("key", ["a b", "x" * 256, "ключ", "tab\there", "\x7f"])
def test_a_key_is_of_visible_ascii_characters(key, client, order):
    answer = pay(client, order, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert changes() == (0, 0, 0)


@pytest.mark.parametrize("key", ["!", "~", "x" * 255, "7c0e0c5a-2c0e-4b5e-8f3e-0d7c1a2b3c4d"])
def test_such_keys_are_taken(key, client, order):
    assert pay(client, order, key).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"outcome": "refused"}, 409),
        ({"outcome": "returned"}, 503),
        ({"outcome": "broken"}, 500),
        ({"outcome": "nonsense"}, 400),
    ],
)
def test_what_did_not_succeed_left_nothing_and_the_key_is_as_good_as_new(body, status, client, order):
    assert pay(client, order, **body).status_code == status
    assert changes() == (0, 0, 0)
    assert pay(client, order).status_code == 201
    assert changes() == (1, 2, 1)


def test_who_is_not_logged_in_leaves_no_key(order):
    assert pay(Client(), order).status_code == 401
    assert changes() == (0, 0, 0)


def test_a_key_is_forgotten_after_a_day_and_not_before(client, order, world):
    pay(client, order, "old")
    pay(client, order, "young")
    web = world.superuser("web")
    web.execute("UPDATE idempotency_keys SET created_at = now() - interval '23 h 59 min' WHERE key = 'young'")
    web.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 h 1 min' WHERE key = 'old'")
    assert idempotency_purge() == 1
    assert pay(client, order, "young").headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in pay(client, order, "old").headers
    assert changes() == (3, 6, 2)


def test_many_old_keys_are_forgotten_in_batches(world):
    world.superuser("web").execute(
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, status, headers, body, created_at)"
        " SELECT gen_random_uuid(), n, '', 200, '{}', '', now() - interval '2 days' FROM generate_series(1, %s) n",
        (2 * PURGE_BATCH + 1,),
    )
    with CaptureQueriesContext(connections["web"]) as queries:
        assert idempotency_purge() == 2 * PURGE_BATCH + 1
    assert sum(query["sql"].startswith("DELETE") for query in queries) == 3
    assert changes() == (0, 0, 0)


# --- At the same time, and across crashes


@contextmanager
def held(world):
    """Have the lock that a request stops at; yields a function that waits until one has stopped there."""
    web = world.superuser("web")
    web.execute("SELECT pg_advisory_lock(%s)", (HOLD,))

    def until_it_waits():
        waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: web.execute(waits).rowcount, lambda: "no request came to the lock", seconds=WAIT_SECONDS)

    try:
        yield until_it_waits
    finally:
        web.execute("SELECT pg_advisory_unlock(%s)", (HOLD,))


def test_while_a_request_runs_its_repetition_is_told_so_at_once(client, order, world):
    answers = []

    def first():
        try:
            headers = {"Idempotency-Key": "k-1", WAIT_HEADER: "change"}
            answers.append(client.post(PAY, {"order": str(order.pk)}, "application/json", headers=headers))
        finally:
            connections.close_all()

    thread = threading.Thread(target=first)
    with held(world) as until_it_waits:
        thread.start()
        until_it_waits()
        meanwhile = pay(client, order)
        other_key = pay(client, order, "k-2")
    thread.join()
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "in_flight")
    assert int(meanwhile.headers["Retry-After"]) >= 1
    assert other_key.status_code == 201
    assert answers[0].status_code == 201
    assert pay(client, order).content == answers[0].content
    assert changes() == (2, 4, 2)


def test_of_many_at_once_one_changes_something_and_all_agree(client, order):
    together, answers = threading.Barrier(6), []

    def send():
        try:
            together.wait()
            answers.append(pay(client, order))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert changes() == (1, 2, 1)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"in_flight"}


@pytest.fixture
def start(world):
    """Starts web processes that serve the tests' addresses; all are gone after the test."""
    running = []

    def started():
        log = world.paths.logs / f"idempotency-{len(running)}.log"
        target = "web.tests.idempotency_wsgi:application"
        running.append(ApplicationProcess(Context.WEB, world.environments, log, application=target))
        return running[-1]

    yield started
    for process in running:
        if process.process.poll() is None:
            process.stop()


@pytest.mark.parametrize(("place", "was_changed"), [("change", False), ("answer", True)])
def test_a_process_killed_at_that_place_leaves_all_or_nothing_and_frees_the_key(place, was_changed, start, world):
    user, order = UserFactory(), OrderFactory()
    key = session_open(user=user).session_key
    request = {
        "json": {"order": str(order.pk)},
        "headers": {"Authorization": f"Bearer {key}", "Idempotency-Key": "k-1"},
    }
    process, failures = start(), []

    def first():
        with process.client() as client:
            try:
                client.post(PAY, json=request["json"], headers={**request["headers"], WAIT_HEADER: place})
            except Exception as failure:
                failures.append(failure)

    thread = threading.Thread(target=first)
    with held(world) as until_it_waits:
        thread.start()
        until_it_waits()
        process.kill()
        thread.join()
        assert failures
        # A session that waits for a lock learns of its client's death only when it has the lock.
    gone(world)
    assert changes() == ((1, 2, 1) if was_changed else (0, 0, 0))
    with start().client() as client:
        again = client.post(PAY, **request)
    assert again.status_code == 201
    assert ("Idempotency-Replayed" in again.headers) == was_changed
    assert changes() == (1, 2, 1)
    [payment] = Payment.objects.all()
    assert again.json()["payment"] == str(payment.pk)


def gone(world):
    """Wait until PostgreSQL has ended the killed process's sessions."""
    statement = "SELECT FROM pg_stat_activity WHERE usename = 'exchanger_web' AND wait_event_type = 'Lock'"
    until(lambda: not world.superuser("web").execute(statement).rowcount, seconds=WAIT_SECONDS)
