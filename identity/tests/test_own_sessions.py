"""A person sees and ends their own sessions of this application, and nobody else's and of no other."""

from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from exchanger.kernel.cache.access import circuit
from exchanger.kernel.contexts import Context
from exchanger.testing.outages import frozen_redis
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.tests.accounts import AUTH, client_of, everything, in_threads, is_logged_in
from identity.tests.factories import SessionFactory, UserFactory

everywhere = pytest.mark.parametrize("context", list(Context))
SESSIONS, END_OTHERS = AUTH + "sessions", AUTH + "sessions/end-others"


@pytest.fixture
def in_context(request, context, as_context):
    with as_context(context):
        yield context


def opened(user):
    """A session of ``user``: its client, and its id."""
    key = session_open(user=user).session_key
    return client_of(key), stored_id(key)


def ids(client):
    return [row["id"] for row in client.get(SESSIONS).json()["results"]]


@everywhere
@pytest.mark.usefixtures("in_context")
def test_the_list_shows_where_each_session_is_and_which_is_this_one(context, django_assert_num_queries):
    user = UserFactory()
    client, own_id = opened(user)
    now = timezone.now()
    other = SessionFactory(user=user, application_context=context, created_at=now - timedelta(days=2))
    is_logged_in(client)
    with django_assert_num_queries(1, connection=connections["identity"]):
        answer = client.get(SESSIONS)
    this, that = answer.json()["results"]
    assert (this["id"], this["current"]) == (own_id, True)
    other.refresh_from_db()
    assert that == {
        "id": other.pk,
        "device": "Firefox on Windows",
        "user_agent": other.user_agent,
        "ip_address": "203.0.113.7",
        "created_at": other.created_at.isoformat().replace("+00:00", "Z"),
        "last_seen": other.updated_at.isoformat().replace("+00:00", "Z"),
        "expires_at": other.expires_at.isoformat().replace("+00:00", "Z"),
        "current": False,
    }


@everywhere
@pytest.mark.usefixtures("in_context")
def test_other_peoples_other_applications_and_ended_sessions_are_not_in_the_list(context):
    user = UserFactory()
    client, own_id = opened(user)
    SessionFactory(application_context=context)
    SessionFactory(user=user, application_context=context, expires_at=timezone.now() - timedelta(seconds=1))
    for foreign in set(Context) - {context}:
        SessionFactory(user=user, application_context=foreign)
    assert ids(client) == [own_id]


@pytest.mark.context("web")
def test_the_list_has_pages():
    user = UserFactory()
    client, _ = opened(user)
    for _ in range(4):
        SessionFactory(user=user)
    first = client.get(SESSIONS, {"page_size": 3}).json()
    second = client.get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (3, 2, None)


@everywhere
@pytest.mark.usefixtures("in_context")
def test_one_session_is_ended_for_every_copy_of_its_key(world, django_assert_num_queries):
    user = UserFactory()
    (client, own_id), (lost, lost_id), (other, _) = opened(user), opened(user), opened(user)
    for each in (client, lost, other):
        assert is_logged_in(each)
    with django_assert_num_queries(7, connection=connections["identity"]):
        assert client.delete(f"{SESSIONS}/{lost_id}").status_code == 204
    assert not is_logged_in(lost)
    assert is_logged_in(other)
    assert own_id in ids(client)
    assert client.delete(f"{SESSIONS}/{lost_id}").status_code == 404
    assert everything(world)["cache_invalidations"] == []


@everywhere
@pytest.mark.usefixtures("in_context")
def test_ending_this_session_is_logging_out():
    client, own_id = opened(UserFactory())
    assert client.delete(f"{SESSIONS}/{own_id}").status_code == 204
    assert not is_logged_in(client)


@everywhere
@pytest.mark.usefixtures("in_context")
def test_all_others_end_in_one_statement_and_the_answer_counts_them(context, world, django_assert_num_queries):
    user = UserFactory()
    client, own_id = opened(user)
    others = [opened(user)[0] for _ in range(3)]
    stranger, _ = opened(UserFactory())
    elsewhere = [SessionFactory(user=user, application_context=each) for each in set(Context) - {context}]
    for each in (client, stranger, *others):
        assert is_logged_in(each)
    with django_assert_num_queries(7, connection=connections["identity"]) as sent:
        answer = client.post(END_OTHERS)
    assert (answer.status_code, answer.json()) == (200, {"ended": 3})
    assert len([each for each in sent.captured_queries if each["sql"].startswith("DELETE FROM sessions")]) == 1
    assert not any(is_logged_in(each) for each in others)
    assert is_logged_in(stranger)
    assert ids(client) == [own_id]
    assert {row.pk for row in elsewhere} <= {row[0] for row in rows(world)}
    assert client.post(END_OTHERS).json() == {"ended": 0}
    assert everything(world)["cache_invalidations"] == []


def rows(world):
    return world.superuser("identity").execute("SELECT id FROM sessions").fetchall()


@everywhere
@pytest.mark.usefixtures("in_context")
def test_what_is_not_ones_own_is_not_there_and_stays(context, world):
    user = UserFactory()
    client, _ = opened(user)
    is_logged_in(client)
    foreign = next(each for each in Context if each is not context)
    targets = [
        SessionFactory(application_context=context).pk,  # somebody else's
        SessionFactory(user=user, application_context=foreign).pk,  # another application's
        "f" * 64,
        "F" * 64,
        "1",
        "%00",
    ]
    before = everything(world)
    for target in targets:
        answer = client.delete(f"{SESSIONS}/{target}")
        assert answer.status_code == 404
        assert set(answer.json()) == {"code", "message", "details"}
    assert everything(world) == before


@everywhere
@pytest.mark.usefixtures("in_context")
def test_who_has_no_session_sees_and_ends_none(world):
    row = SessionFactory(application_context=Context.WEB)
    before = everything(world)
    client = APIClient()
    answers = [client.get(SESSIONS), client.post(END_OTHERS), client.delete(f"{SESSIONS}/{row.pk}")]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert everything(world) == before


@pytest.mark.context("web")
def test_two_sessions_that_end_each_other_at_once_leave_one_or_none():
    user = UserFactory()
    (one, _), (two, _) = opened(user), opened(user)
    in_threads(lambda: one.post(END_OTHERS), lambda: two.post(END_OTHERS))
    assert [is_logged_in(one), is_logged_in(two)].count(True) <= 1


@pytest.mark.context("web")
@pytest.mark.parametrize("everything_else", [False, True])
def test_an_end_that_cannot_reach_redis_says_so_and_is_finished_all_the_same(everything_else, world, settings):
    settings.REDIS_PROBE_SECONDS = 3600.0
    user = UserFactory()
    (client, _), (lost, lost_id) = opened(user), opened(user)
    assert is_logged_in(client)
    assert is_logged_in(lost)
    with frozen_redis(world):
        answer = client.post(END_OTHERS) if everything_else else client.delete(f"{SESSIONS}/{lost_id}")
        assert (answer.status_code, answer.json()["code"]) == (503, "end_unconfirmed")
        assert not is_logged_in(lost)
    assert len(everything(world)["cache_invalidations"]) == 1  # replayed before Redis is believed again
    settings.REDIS_PROBE_SECONDS = 0.0
    circuit._next_probe = 0.0
    assert not is_logged_in(lost)
    assert is_logged_in(client)
    assert everything(world)["cache_invalidations"] == []
