"""Redis frozen, refusing, full or restarted, and PostgreSQL out of reach: what goes on, and what comes back right."""

from contextlib import contextmanager

import pytest
from django.db import connections
from django.test import Client
from redis.exceptions import RedisError

from exchanger.kernel.cache import access
from exchanger.kernel.contexts import database_name
from exchanger.testing.outages import frozen_redis
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.context("web")
LOGIN, LOGOUT, ME = "/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/me"
NEVER, AT_ONCE = 3600.0, 0.0  # seconds between two probes


@pytest.fixture
def attempts(monkeypatch):
    """Counts how often Redis was really asked; the client and the server are the real ones."""
    real, count = access.redis_client, []

    def counted():
        count.append(1)
        return real()

    monkeypatch.setattr(access, "redis_client", counted)
    return count


@contextmanager
def redis_command(world, before, after):
    with world.redis() as client:
        client.execute_command(*before)
    try:
        yield
    finally:
        with world.redis() as client:
            client.execute_command(*after)


@contextmanager
def unreachable_postgresql(world):
    """The web application is out of the identity database, and does not get in again."""
    name = database_name("identity")
    superuser = world.superuser("web")
    superuser.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = 'exchanger_web'",
        (name,),
    )
    try:
        yield
    finally:
        superuser.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        connections["identity"].close()  # a request would find it broken by itself; a test's own statement does not


def bearer(user):
    key = session_open(user=user).session_key
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {key}"}), key


def pending(world):
    return [key for (key,) in world.superuser("identity").execute("SELECT key FROM cache_invalidations")]


def test_while_redis_is_frozen_every_request_is_answered_and_only_one_waits_for_it(world, settings, attempts):
    settings.REDIS_PROBE_SECONDS = NEVER
    client, _ = bearer(UserFactory())
    assert client.get(ME).status_code == 200
    attempts.clear()
    with frozen_redis(world):
        assert {client.get(ME).status_code for _ in range(10)} == {200}
    assert len(attempts) == 1
    assert access.circuit.is_open


def test_when_redis_answers_again_it_is_used_again_by_itself(world, settings, django_assert_num_queries):
    settings.REDIS_PROBE_SECONDS = NEVER
    client, _ = bearer(UserFactory())
    with frozen_redis(world):
        assert client.get(ME).status_code == 200
    settings.REDIS_PROBE_SECONDS = AT_ONCE
    access.circuit._next_probe = 0.0
    client.get(ME)
    assert not access.circuit.is_open
    client.get(ME)
    with django_assert_num_queries(0, connection=connections["identity"]):
        assert client.get(ME).status_code == 200


def test_a_probe_that_fails_keeps_the_circuit_open_and_the_answer_comes_from_postgresql(world, settings, attempts):
    settings.REDIS_PROBE_SECONDS = AT_ONCE
    client, _ = bearer(UserFactory())
    with frozen_redis(world):
        client.get(ME)
        attempts.clear()
        assert client.get(ME).status_code == 200
        assert access.circuit.is_open
    assert attempts


def test_a_session_that_ended_while_redis_was_frozen_is_dead_when_it_comes_back_with_its_old_value(world, settings):
    settings.REDIS_PROBE_SECONDS = NEVER
    client, key = bearer(UserFactory())
    assert client.get(ME).status_code == 200
    cached = f"identity:session:web:{stored_id(key)}"
    with world.redis() as redis:
        old_value = redis.get(cached)
    with frozen_redis(world):
        SessionStore(key).delete()
        assert pending(world) == [cached]
    with world.redis() as redis:
        redis.set(cached, old_value)  # cut off and healed, it never heard of the end
    settings.REDIS_PROBE_SECONDS = AT_ONCE
    access.circuit._next_probe = 0.0
    assert client.get(ME).status_code == 401
    assert pending(world) == []
    with world.redis() as redis:
        assert not redis.exists(cached)


def test_what_was_saved_while_redis_was_frozen_is_what_is_read_afterwards(world, settings):
    settings.REDIS_PROBE_SECONDS = NEVER
    _, key = bearer(UserFactory())
    with frozen_redis(world):
        store = SessionStore(key)
        store["basket"] = "newer"
        store.save()
    settings.REDIS_PROBE_SECONDS = AT_ONCE
    access.circuit._next_probe = 0.0
    assert SessionStore(key)["basket"] == "newer"
    assert pending(world) == []
    assert SessionStore(key)["basket"] == "newer"


def test_people_log_in_while_redis_is_frozen(world, settings):
    settings.REDIS_PROBE_SECONDS = NEVER
    user = UserFactory()
    with frozen_redis(world):
        answer = Client().post(
            LOGIN, {"email": user.email, "password": PASSWORD, "transport": "bearer"}, content_type="application/json"
        )
        headers = {"Authorization": f"Bearer {answer.json()['session_key']}"}
        assert Client().get(ME, headers=headers).status_code == 200


def test_a_redis_that_lost_everything_costs_one_load(world, django_assert_num_queries):
    client, _ = bearer(UserFactory())
    client.get(ME)
    with world.redis() as redis:
        redis.flushall()
        redis.script_flush()
    assert client.get(ME).status_code == 200
    with django_assert_num_queries(0, connection=connections["identity"]):
        assert client.get(ME).status_code == 200


def test_a_full_redis_is_a_miss_and_not_an_outage(world):
    client, _ = bearer(UserFactory())
    policy = ("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
    with redis_command(world, policy, ("CONFIG", "SET", "maxmemory", "256mb", "maxmemory-policy", "volatile-lru")):
        assert {client.get(ME).status_code for _ in range(3)} == {200}
    assert not access.circuit.is_open


def test_what_a_full_redis_would_not_keep_is_what_is_read_when_it_has_room_again(world):
    _, key = bearer(UserFactory())
    assert SessionStore(key)["_auth_user_id"]  # cached
    policy = ("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
    with redis_command(world, policy, ("CONFIG", "SET", "maxmemory", "256mb", "maxmemory-policy", "volatile-lru")):
        store = SessionStore(key)
        store["basket"] = "newer"
        store.save()
    assert SessionStore(key)["basket"] == "newer"


def test_without_postgresql_a_warm_session_reads_and_a_write_is_a_503_that_leaves_nothing(world):
    client, _ = bearer(UserFactory())
    client.get(ME)
    before = world.superuser("identity").execute("SELECT id, version FROM sessions").fetchall()
    with unreachable_postgresql(world):
        assert client.get(ME).status_code == 200
        refused = client.post(LOGOUT)
    assert refused.status_code == 503
    assert refused.json()["code"] == "unavailable"
    assert refused.headers["Retry-After"] == "5"
    assert world.superuser("identity").execute("SELECT id, version FROM sessions").fetchall() == before
    assert client.get(ME).status_code == 200


def test_without_postgresql_a_cold_session_is_a_503_in_the_one_shape_and_not_an_end_of_the_session(world):
    client, _ = bearer(UserFactory())
    with world.redis() as redis:
        redis.flushall()
    with unreachable_postgresql(world):
        answer = client.get(ME)
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert client.get(ME).status_code == 200


def test_a_logout_that_cannot_reach_redis_says_so_and_is_finished_all_the_same(world, settings):
    settings.REDIS_PROBE_SECONDS = NEVER
    client, key = bearer(UserFactory())
    client.get(ME)
    with frozen_redis(world):
        answer = client.post(LOGOUT)
        assert answer.status_code == 503
        assert answer.json()["code"] == "end_unconfirmed"
        assert answer.headers["Retry-After"] == "5"
        assert client.get(ME).status_code == 401
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    assert pending(world) == [f"identity:session:web:{stored_id(key)}"]
    settings.REDIS_PROBE_SECONDS = AT_ONCE
    access.circuit._next_probe = 0.0
    assert client.get(ME).status_code == 401
    assert pending(world) == []


def test_a_failure_that_comes_while_a_probe_is_answered_keeps_the_circuit_open(world, settings, monkeypatch):
    settings.REDIS_PROBE_SECONDS = NEVER
    client, _ = bearer(UserFactory())
    with frozen_redis(world):
        client.get(ME)
    settings.REDIS_PROBE_SECONDS = AT_ONCE
    access.circuit._next_probe = 0.0
    replayed = []

    def another_threads_command_fails():
        replayed.append(1)
        access.circuit._trip(RedisError("late"))

    with monkeypatch.context() as patch:
        patch.setattr(access.circuit, "before_trusting", another_threads_command_fails)
        assert client.get(ME).status_code == 200
        assert access.circuit.is_open
        assert replayed
    client.get(ME)
    assert not access.circuit.is_open
