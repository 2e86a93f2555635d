"""How many requests of all kinds one person may make, in every application."""

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings

from identity.services.sessions import session_open
from identity.tests.factories import UserFactory

FEW = {"reads": 3, "writes": 2}


@pytest.fixture
def few(settings):
    """Three reads and two writes a minute."""
    settings.API_PER_MINUTE = settings.API_PER_MINUTE | FEW


def client_of(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


def statuses(ask, times):
    return [ask().status_code for _ in range(times)]


@pytest.mark.parametrize("context", ["web", "admin", "telegram"])
def test_a_person_gets_so_many_reads_and_so_many_writes(context, as_context):
    with as_context(context), override_settings(API_PER_MINUTE=settings.API_PER_MINUTE | FEW):
        anna, boris = client_of(UserFactory()), client_of(UserFactory())
        assert statuses(lambda: anna.get("/api/v1/auth/me"), 4) == [200, 200, 200, 429]
        assert statuses(lambda: anna.post("/api/v1/auth/sessions/end-others"), 3) == [200, 200, 429]
        assert boris.get("/api/v1/auth/me").status_code == 200


@pytest.mark.context("web")
def test_a_refusal_says_when_to_come_back_and_does_nothing(few):
    user = UserFactory()
    anna, other = client_of(user), client_of(user)
    statuses(lambda: anna.patch("/api/v1/auth/profile", {}, content_type="application/json"), 2)
    answer = anna.post("/api/v1/auth/sessions/end-others")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) == answer.json()["details"]["retry_after"] <= 60
    assert other.get("/api/v1/auth/me").status_code == 200


@pytest.mark.context("web")
def test_where_nobody_is_logged_in_it_is_the_address(few, settings):
    settings.TRUSTED_PROXIES = 1
    here, there = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    assert statuses(lambda: Client().get("/api/v1/rates/", headers=here), 4) == [200, 200, 200, 429]
    assert Client().get("/api/v1/rates/", headers=there).status_code == 200


@pytest.mark.context("web")
def test_counting_costs_no_statement_and_no_command(world, django_assert_num_queries):
    anna = client_of(UserFactory())
    anna.get("/api/v1/auth/me")
    with (
        world.redis() as redis,
        django_assert_num_queries(0, connection=connections["identity"]),
        django_assert_num_queries(0, connection=connections["web"]),
    ):
        redis.config_resetstat()
        assert anna.get("/api/v1/auth/me").status_code == 200
        calls = {name: facts["calls"] for name, facts in redis.info("commandstats").items()}
    calls = {name: count for name, count in calls.items() if name not in ("cmdstat_info", "cmdstat_config|resetstat")}
    assert calls == {"cmdstat_set": 2}  # the session's and the person's reads
