"""``/metrics``: for whoever has the token, about requests by their routes, without a session and nearly for nothing."""

import os
import uuid
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import ConnectionError as RedisConnectionError

from admin_panel.cache import AdminCache
from admin_panel.metrics.declared import (
    METRICS,
    OLD_SESSIONS,
    REPLICATION_LAG_BYTES,
    REPLICATION_LAG_SECONDS,
    TABLE_SIZE,
)
from admin_panel.services.metrics import metrics_collect
from admin_panel.tests.factories import SystemMetricFactory
from exchanger.kernel.cache.access import ask, circuit
from exchanger.kernel.contexts import ALIASES, Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.waiting import until
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory

CONTEXTS = ["web", "admin", "telegram"]
REQUESTS = "exchanger_http_requests_total"


def scraped(client=None, **headers):
    """What a scrape finds: {(name, (("tag", "value"), …)): value}."""
    answer = (client or Client()).get("/metrics", headers=bearer() | headers)
    assert answer.status_code == 200
    return parsed(answer.content.decode())


def parsed(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def bearer(token=None):
    return {"Authorization": f"Bearer {settings.METRICS_TOKEN if token is None else token}"}


def requests(found, **tags):
    """How many requests with these tags were counted."""
    return sum(
        value for (name, held), value in found.items() if name == REQUESTS and tags.items() <= dict(held).items()
    )


def named(found, name):
    return {held: value for (found_name, held), value in found.items() if found_name == name}


# --- Who may


@pytest.mark.parametrize("context", CONTEXTS)
def test_each_context_has_a_token_of_its_own(context, as_context):
    tokens = set()
    for name in CONTEXTS:
        with as_context(name):
            tokens.add(settings.METRICS_TOKEN)
    assert len(tokens) == 3
    with as_context(context):
        mine = settings.METRICS_TOKEN
        assert scraped()
        for token in tokens - {mine}:
            assert Client().get("/metrics", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize("context", CONTEXTS)
def test_without_a_token_set_there_is_nothing_at_the_address(context, as_context):
    with as_context(context), override_settings(METRICS_TOKEN=""):
        for headers in ({}, bearer("")):
            answer = Client().get("/metrics", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.context("web")
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer \udcff", "Basic {}", "{}", "Bearer {}x"]
)
def test_without_the_token_it_is_401_in_the_one_shape(given):
    headers = {} if given is None else {"Authorization": given.format(settings.METRICS_TOKEN)}
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "message", "details"}
    assert answer.json()["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.context("web")
def test_nobody_posts_and_a_head_has_no_body():
    assert Client().post("/metrics", headers=bearer()).status_code == 405
    assert Client().head("/metrics", headers=bearer()).content == b""


@pytest.mark.context("web")
def test_it_comes_over_plain_http_from_inside_and_nobody_keeps_it(settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/metrics", headers=bearer())
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"].startswith("text/plain; version=")


@pytest.mark.context("web")
def test_a_token_that_can_be_guessed_is_refused(settings):
    def found():
        return [finding.id for finding in run_checks() if finding.id == "exchanger.E034"]

    assert found() == []
    settings.METRICS_TOKEN = "x" * 31
    assert found() == ["exchanger.E034"]
    settings.METRICS_TOKEN = ""
    assert found() == []


# --- What it costs


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("known", [True, False])
def test_no_session_is_read_and_nothing_is_asked_but_one_statement_of_the_admins(context, known, as_context, world):
    with as_context(context):
        session = session_open(user=UserFactory())
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
        client.get("/healthz")
        with world.redis() as redis:
            before = redis.info("stats")["total_commands_processed"]
            counts = statements(lambda: client.get("/metrics", headers=bearer(None if known else "wrong")))
            # The server's own INFO is one of them.
            assert redis.info("stats")["total_commands_processed"] - before == 1
    expected = {"admin": 1} if context == "admin" and known else {}
    assert counts == expected


def statements(call):
    """How many statements each database is sent, without those that are sent none."""
    counts = dict.fromkeys(ALIASES, 0)

    def count(alias):
        def wrapper(execute, *arguments):
            counts[alias] += 1
            return execute(*arguments)

        return wrapper

    wrappers = {alias: count(alias) for alias in ALIASES}
    for alias, wrapper in wrappers.items():
        connections[alias].execute_wrappers.append(wrapper)
    try:
        call()
    finally:
        for alias, wrapper in wrappers.items():
            connections[alias].execute_wrappers.remove(wrapper)
    return {alias: number for alias, number in counts.items() if number}


# --- What it tells


@pytest.mark.context("web")
def test_requests_are_counted_by_method_route_and_status_and_never_by_address():
    order = uuid.uuid4()
    before = scraped()
    Client().get(f"/api/v1/orders/{order}/")
    Client().get("/api/v1/rates/")
    Client().get("/nothing/here")
    Client().generic("BREW", "/healthz")
    found = scraped()

    def more(**tags):
        return requests(found, **tags) - requests(before, **tags)

    assert more(method="GET", route="/api/v1/orders/<pk>/", status="401") == 1
    assert more(method="GET", route="/api/v1/rates/", status="200") == 1
    assert more(method="GET", route="none", status="404") == 1
    assert more(method="other", route="/healthz") == 1
    assert more(route="/metrics", status="200") == 1  # the one before this
    assert str(order) not in str(found)
    assert "nothing" not in str(found)


@pytest.mark.context("web")
def test_how_long_answers_took_and_what_is_in_flight():
    name, tags = "exchanger_http_request_duration_seconds", (("method", "GET"), ("route", "/healthz"))
    before = scraped().get((f"{name}_count", tags), 0)
    Client().get("/healthz")
    found = scraped()
    assert found[f"{name}_count", tags] == before + 1
    assert found[f"{name}_bucket", (("le", "+Inf"), *tags)] == before + 1
    assert found[f"{name}_sum", tags] > 0
    assert found["exchanger_http_requests_in_flight", ()] == 1  # this one


@pytest.mark.context("web")
def test_a_request_that_fails_is_no_longer_in_flight():
    client = Client(raise_request_exception=False)
    before = requests(scraped(), status="400")
    client.get("/api/v1/rates/", headers={"Host": "evil.example"})
    found = scraped()
    assert requests(found, status="400") == before + 1
    assert found["exchanger_http_requests_in_flight", ()] == 1


@pytest.mark.context("web")
def test_it_tells_that_redis_is_not_asked():
    def refuse(redis):
        raise RedisConnectionError

    assert scraped()["exchanger_redis_circuit_open", ()] == 0
    with pytest.raises(RedisConnectionError):
        ask(refuse)
    try:
        Client().get("/healthz")
        assert scraped()["exchanger_redis_circuit_open", ()] == 1
    finally:
        circuit.reset()


@pytest.mark.context("admin")
def test_reads_of_the_cache_are_hits_and_misses():
    def reads(result):
        tags = (("cache", "cache:admin:metrics"), ("result", result))
        return scraped().get(("exchanger_cache_reads_total", tags), 0)

    hits, misses = reads("hit"), reads("miss")
    for _ in range(3):
        AdminCache().get_system_metrics("m")
    assert (reads("hit") - hits, reads("miss") - misses) == (2, 1)


# --- The system metrics, in the admin's process alone


def test_the_latest_minute_is_the_admins_to_tell(as_context):
    with as_context("admin"):
        metrics_collect(at=timezone.now() - timedelta(minutes=1))
        metrics_collect(at=timezone.now())
        found = scraped()
    conditional = {REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS, TABLE_SIZE, OLD_SESSIONS}
    told = {name for name, _ in found}
    assert {metric.name for metric in METRICS if metric not in conditional} <= told
    assert {dict(held)["database"] for held in named(found, "exchanger_database_size_bytes")} == set(ALIASES)
    assert time_of(found) > (timezone.now() - timedelta(minutes=2)).timestamp()
    with as_context("web"):
        assert not {name for name, _ in scraped()} & {metric.name for metric in METRICS}


@pytest.mark.context("admin")
def test_what_is_five_minutes_old_is_not_told_as_if_it_were_of_now():
    old = timezone.now() - timedelta(minutes=6)
    SystemMetricFactory(metric_name="exchanger_metrics_source_up", tags={"source": "redis"}, recorded_at=old)
    SystemMetricFactory(metric_name="exchanger_redis_keys", tags={}, recorded_at=old)
    found = scraped()
    assert ("exchanger_redis_keys", ()) not in found
    assert time_of(found) == pytest.approx(old.timestamp(), abs=1)


@pytest.mark.context("admin")
def test_a_metric_of_another_release_is_left_out():
    now = timezone.now()
    SystemMetricFactory(metric_name="exchanger_metrics_source_up", tags={"source": "redis"}, recorded_at=now)
    SystemMetricFactory(metric_name="exchanger_redis_keys", tags={"database": "0"}, recorded_at=now)
    SystemMetricFactory(metric_name="orders.created", recorded_at=now)
    names = {name for name, _ in scraped()}
    assert "exchanger_metrics_source_up" in names
    assert not names & {"exchanger_redis_keys", "orders.created"}


@pytest.mark.context("admin")
def test_before_anything_was_recorded_and_without_its_database_the_process_tells_of_itself(world):
    assert not named(scraped(), "exchanger_metrics_recorded_timestamp_seconds")
    world.superuser("admin").execute("REVOKE SELECT ON system_metrics FROM exchanger_admin")
    try:
        assert requests(scraped()) > 0
    finally:
        world.superuser("admin").execute("GRANT SELECT ON system_metrics TO exchanger_admin")


def time_of(found):
    return found["exchanger_metrics_recorded_timestamp_seconds", ()]


# --- Several workers


def test_whichever_worker_is_asked_answers_for_all_and_for_none_that_was_killed(servers, tmp_path):
    folder = tmp_path / "counts"
    process = ApplicationProcess(
        Context.WEB,
        servers.environments,
        tmp_path / "web.log",
        extra={
            "GRANIAN_WORKERS": "2",
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
            "GRANIAN_RESPAWN_FAILED_WORKERS": "true",
        },
    )
    token = servers.environments.for_process("web")["METRICS_TOKEN"]

    def ask():
        with process.client() as client:  # on a connection of its own, which either worker may take
            client.get("/healthz")

    def answered():
        return {path.stem.rpartition("_")[2] for path in folder.glob("counter_*.db")}

    def both_have_answered():
        ask()
        return len(answered()) == 2

    try:
        until(both_have_answered)
        before = requests(ask_for_metrics(process, token), route="/healthz")
        for _ in range(40):
            ask()
        for _ in range(6):
            assert requests(ask_for_metrics(process, token), route="/healthz") == before + 40
        # What a worker had in flight when it was killed.
        gone = next(iter(answered()))
        os.kill(int(gone), 9)
        psutil.wait_procs([psutil.Process(int(gone))] if psutil.pid_exists(int(gone)) else [], timeout=60)
        found = ask_for_metrics(process, token)
        assert requests(found, route="/healthz") >= before + 40
        assert not list(Path(folder).glob(f"gauge_live*_{gone}.db"))
        assert found["exchanger_http_requests_in_flight", ()] == 1
    finally:
        process.kill()


def ask_for_metrics(process, token):
    with process.client(headers=bearer(token)) as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    return parsed(answer.text)
