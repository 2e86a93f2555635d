"""The session engine's rows, keys and binding to its context."""

import json

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted

from exchanger.kernel.contexts import NoContext
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.factories import UserFactory


def rows(world):
    return world.superuser("identity").execute("SELECT id, application_context, version FROM sessions").fetchall()


def keys(world):
    with world.redis() as client:
        return sorted(key.decode() for key in client.keys("*"))


@pytest.mark.context("web")
def test_an_opened_session_is_one_row_and_one_namespaced_key_and_neither_holds_the_token(world):
    user = UserFactory()
    session = session_open(user=user)
    row_id = stored_id(session.session_key)
    assert rows(world) == [(row_id, "web", 1)]
    assert keys(world) == [f"identity:session:web:{row_id}"]
    with world.redis() as client:
        value = json.loads(client.get(f"identity:session:web:{row_id}"))
    assert value["userId"] == str(user.pk)
    assert session.session_key not in json.dumps(value) + str(rows(world))


def test_a_key_of_one_context_finds_changes_and_deletes_nothing_in_another(as_context, world):
    with as_context("admin"):
        user = UserFactory(permissions={"admin": ["*"]})
        key = session_open(user=user).session_key
    before = rows(world), keys(world)
    with as_context("web"):
        stranger = SessionStore(key)
        assert dict(stranger.items()) == {}
        assert not SessionStore(key).exists(key)
        SessionStore(key).delete()
        SessionStore(key).flush()
        thief = SessionStore(key)
        thief.clear()
        with pytest.raises(UpdateError):
            thief.save()
    assert (rows(world), keys(world)) == before
    with as_context("admin"):
        assert SessionStore(key)["_auth_user_id"] == str(user.pk)


@pytest.mark.context("web")
def test_a_session_that_has_ended_does_not_live_on_under_a_new_key(world):
    key = session_open(user=UserFactory()).session_key
    loaded = SessionStore(key)
    assert loaded["_auth_user_id"]
    SessionStore(key).delete()
    with pytest.raises(SessionInterrupted):
        loaded.cycle_key()
    assert rows(world) == []


@pytest.mark.context("web")
def test_a_cycled_session_is_the_same_row_under_another_id(world):
    key = session_open(user=UserFactory()).session_key
    opened = world.superuser("identity").execute("SELECT created_at FROM sessions").fetchone()
    session = SessionStore(key)
    session.cycle_key()
    assert rows(world) == [(stored_id(session.session_key), "web", 2)]
    assert keys(world) == [f"identity:session:web:{stored_id(session.session_key)}"]
    assert world.superuser("identity").execute("SELECT created_at FROM sessions").fetchone() == opened
    assert not SessionStore().exists(key)


def test_a_process_without_a_context_has_no_sessions(world):
    with pytest.raises(NoContext):
        SessionStore("abc")
