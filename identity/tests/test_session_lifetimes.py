"""Idle and absolute lives: what lengthens a session, how far, and what that may not disturb."""

from datetime import timedelta

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from exchanger.kernel.contexts import IDENTITY, Context
from identity.middleware import SessionMiddleware
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.factories import PASSWORD, UserFactory
from identity.tests.session_contract import cached, contents, own, saved
from identity.tests.test_outages import unreachable_postgresql

pytestmark = pytest.mark.context("web")
ME = "/api/v1/auth/me"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def later(monkeypatch, world):
    """Move the clocks of this process and of the rows by as much."""

    real = timezone.now
    passed = timedelta()

    def move(by):
        nonlocal passed
        passed += by
        monkeypatch.setattr(timezone, "now", lambda: real() + passed)

    return move


def row_of(world, key):
    found = world.superuser(IDENTITY).execute(
        "SELECT expires_at, created_at, updated_at, session_data FROM sessions WHERE id = %s", (stored_id(key),)
    )
    return found.fetchone()


def read(key, view=lambda session: session.get("shade"), **headers):
    """A request that reads the session, behind the middleware."""
    request = RequestFactory().get("/", **headers)
    request.COOKIES["exchanger_web_session"] = key

    def answer(request):
        view(request.session)
        return HttpResponse()

    return SessionMiddleware(answer)(request)


@pytest.mark.parametrize(
    ("context", "idle", "absolute"),
    [
        (Context.WEB, timedelta(days=1), timedelta(days=30)),
        (Context.ADMIN, timedelta(minutes=30), timedelta(hours=12)),
        (Context.TELEGRAM, timedelta(days=1), timedelta(days=30)),
    ],
)
def test_each_context_has_its_own_lives(context, idle, absolute, as_context, settings):
    with as_context(context):
        assert idle.total_seconds() == settings.SESSION_COOKIE_AGE
        assert absolute.total_seconds() == settings.SESSION_ABSOLUTE_AGE


def test_reading_a_session_lengthens_it_and_renews_the_cookie(later, world):
    key = saved("person", shade="red").session_key
    before = row_of(world, key)
    later(2 * MINUTE)
    cookie = read(key).cookies["exchanger_web_session"]
    after = row_of(world, key)
    assert after[0] - before[0] >= 2 * MINUTE
    assert after[1] == before[1]
    assert after[2] > before[2]
    assert cookie.value == key
    assert cookie["httponly"]
    assert cookie["max-age"] == 24 * 3600
    assert cached(world, key)["expiresAt"] == after[0].isoformat()


def test_a_session_is_not_lengthened_more_than_once_a_minute_nor_by_who_does_not_read_it(later, world):
    key = saved("person", shade="red").session_key
    before = contents(world)
    later(timedelta(seconds=59))
    assert not read(key).cookies
    later(2 * MINUTE)
    assert not read(key, view=lambda session: None).cookies
    assert contents(world) == before


def test_lengthening_is_one_statement_and_a_read_within_the_minute_none(later, django_assert_num_queries):
    key = saved("person", shade="red").session_key
    with django_assert_num_queries(0, connection=connections[IDENTITY]):
        read(key)
    later(2 * MINUTE)
    with django_assert_num_queries(1, connection=connections[IDENTITY]):
        read(key)


def test_nobody_lives_past_the_absolute_life_however_busy(later, settings, world):
    settings.SESSION_ABSOLUTE_AGE = 48 * 3600
    key = saved("person", shade="red").session_key
    born = row_of(world, key)[1]
    for _ in range(5):
        later(timedelta(hours=9))
        assert SessionStore(key).get("shade") == "red"
        read(key)
    assert abs(row_of(world, key)[0] - born - timedelta(hours=48)) < MINUTE
    later(timedelta(hours=4))
    assert SessionStore(key).get("shade") is None


def test_a_new_key_does_not_begin_the_life_anew(later, world):
    session = saved("person", shade="red")
    born = row_of(world, session.session_key)[1]
    later(timedelta(hours=1))
    session.cycle_key()
    assert row_of(world, session.session_key)[1] == born


def test_a_session_not_used_for_its_idle_life_has_ended(later):
    key = saved("person", shade="red").session_key
    later(timedelta(days=1, seconds=1))
    assert SessionStore(key).get("shade") is None


def test_lengthening_keeps_what_another_request_saves_meanwhile(later, world):
    key = saved("person", shade="red").session_key
    later(2 * MINUTE)

    def other_request_saves(session):
        session.get("shade")
        other = SessionStore(key)
        other["shade"] = "blue"
        other.save()

    read(key, view=other_request_saves)
    later(2 * MINUTE)
    read(key)
    assert row_of(world, key)[3]["shade"] == "blue"
    assert own(SessionStore(key))["shade"] == "blue"


def test_lengthening_a_session_that_ended_meanwhile_brings_nothing_back(later, world):
    key = saved("person", shade="red").session_key
    later(2 * MINUTE)

    def logged_out_elsewhere(session):
        session.get("shade")
        SessionStore(key).delete()

    response = read(key, view=logged_out_elsewhere)
    assert response.status_code == 200
    assert not response.cookies
    assert row_of(world, key) is None
    assert SessionStore(key).get("shade") is None


def test_with_postgresql_out_of_reach_a_warm_read_goes_on_unlengthened(later, world):
    client = Client(REMOTE_ADDR="203.0.113.9")
    user = UserFactory()
    login = client.post(
        "/api/v1/auth/login", {"email": user.email, "password": PASSWORD}, content_type="application/json"
    )
    assert login.status_code == 200
    assert client.get(ME).status_code == 200
    later(2 * MINUTE)
    with unreachable_postgresql(world):
        assert client.get(ME).status_code == 200


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
def test_a_login_notes_where_it_came_from(transport, world):
    user = UserFactory()
    login = Client(REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "Firefox"}).post(
        "/api/v1/auth/login",
        {"email": user.email, "password": PASSWORD, "transport": transport},
        content_type="application/json",
    )
    assert login.status_code == 200
    found = world.superuser(IDENTITY).execute("SELECT host(ip_address), user_agent FROM sessions").fetchall()
    assert found == [("203.0.113.9", "Firefox")]
