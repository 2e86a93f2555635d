"""Keys that clients make up, values that the stores cannot keep, and damage in either store."""

import json

import pytest
from django.db import connections, transaction
from django.test import Client

from exchanger.kernel.contexts import IDENTITY
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.session_contract import (
    both_kinds,
    both_ways,
    cache_key,
    cached,
    call,
    contents,
    keys,
    own,
    plant,
    rows,
    saved,
)

pytestmark = pytest.mark.context("web")

UNUSABLE = {"missing": None, "empty": "", "short": "1234567"}
UNKNOWN = {
    "ours in form": "a" * 32,
    "eight characters": "12345678",
    "over-long": "k" * 10_240,
    "not ASCII": "ключ-сеанса-у-клієнта",
    "with NUL": "key\x00with-nul",
    "of another format": "identity:session:web:*",
    "a uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "a lone surrogate": "key-\udcff-of-a-broken-cookie",
}


# --- keys


def test_the_key_is_read_only():
    with pytest.raises(AttributeError):
        SessionStore().session_key = "a" * 32


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_a_key_is_none(key):
    session = SessionStore(key)
    assert session.session_key is None
    assert list(session.items()) == []


@both_ways
@pytest.mark.parametrize("key", [*UNUSABLE.values(), *UNKNOWN.values()], ids=[*UNUSABLE, *UNKNOWN])
def test_a_key_of_a_clients_own_making_is_replaced(key, way, world):
    session = SessionStore(key)
    call(way, session, "set", "shade", "red")
    call(way, session, "save")
    assert session.session_key != key
    assert keys(world) == {cache_key(session.session_key)}
    if key:
        assert not session.exists(key)


@pytest.mark.parametrize("key", UNKNOWN.values(), ids=UNKNOWN)
def test_a_login_under_a_clients_key_gets_another(key, world):
    person = saved("person")
    session = SessionStore(key)
    session.update(dict(person.items()))
    session.cycle_key()
    session.save()
    assert set(rows(world)) == {stored_id(person.session_key), stored_id(session.session_key)}
    assert session.session_key != key


@pytest.mark.parametrize("key", UNKNOWN.values(), ids=UNKNOWN)
def test_a_key_of_a_clients_own_making_deletes_and_finds_nothing(key, world):
    saved("person")
    before = contents(world)
    session = SessionStore(key)
    assert not session.exists(key)
    session.delete()
    session.flush()
    assert contents(world) == before


@pytest.mark.parametrize(
    "key",
    ["", "1234567", "a" * 32, "k" * 3000, "кл".encode().decode("latin-1") * 9, "key%00nul", "a b;c=d", '"quoted"'],
)
@pytest.mark.parametrize("header", ["cookie", "bearer"])
def test_no_key_that_a_client_sends_is_a_server_error(key, header, settings, world):
    sent = (
        {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={key}"}
        if header == "cookie"
        else {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    )
    assert Client().get("/api/v1/auth/me", secure=True, **sent).status_code in (401, 403)
    assert contents(world) == ({}, {})


# --- values


@both_kinds
@both_ways
@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"bytes", 1 + 2j, "\udcff"], ids=["object", "set", "bytes", "complex", "surrogate"]
)
def test_what_json_does_not_hold_is_a_type_error_and_changes_nothing(kind, way, value, world):
    session = saved(kind, shade="red")
    before = contents(world)
    session["shade"] = value
    with pytest.raises(TypeError):
        call(way, session, "save")
    assert contents(world) == before


@both_kinds
@both_ways
@pytest.mark.parametrize("data", [{"note": "a\x00b"}, {"a\x00b": 1}, {"deep": [{"note": "\\\x00"}]}])
def test_nul_is_refused_by_name_before_a_store_is_asked(kind, way, data, world, django_assert_num_queries):
    session = saved(kind, shade="red")
    before = contents(world)
    session.update(data)
    with (
        django_assert_num_queries(0, connection=connections[IDENTITY]),
        pytest.raises(ValueError, match="NUL"),
    ):
        call(way, session, "save")
    assert contents(world) == before


@both_kinds
def test_text_that_only_looks_like_nul_is_kept(kind):
    session = saved(kind, note="a\\u0000b")
    assert own(SessionStore(session.session_key)) == {"note": "a\\u0000b"}


@both_kinds
@pytest.mark.parametrize("name", ["userId", "expiresAt", "version"])
def test_names_that_the_cached_value_needs_are_refused(kind, name, world):
    session = saved(kind, shade="red")
    before = contents(world)
    session[name] = "mine"
    with pytest.raises(ValueError, match=name):
        session.save()
    assert contents(world) == before


# --- damage


DAMAGE = {
    "not JSON": b"\x80\x04\x95pickle",
    "nothing": b"",
    "truncated": b'{"shade":"red","userId":null,"expi',
    "a list": b"[1]",
    "a string": b'"shade"',
    "without its envelope": b'{"shade":"red"}',
    "without a moment": b'{"shade":"red","userId":null,"expiresAt":7,"version":0}',
    "with a moment in no time zone": b'{"shade":"red","userId":null,"expiresAt":"2999-01-01T00:00:00","version":0}',
    "without a version": b'{"userId":null,"expiresAt":"2999-01-01T00:00:00+00:00"}',
    "with a user that is no id": b'{"userId":7,"expiresAt":"2999-01-01T00:00:00+00:00","version":0}',
}
damaged = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)


@both_ways
@damaged
def test_a_damaged_anonymous_session_is_an_empty_one(damage, way, world):
    key = saved("anonymous", shade="red").session_key
    plant(world, key, damage)
    session = SessionStore(key)
    assert not session.exists(key)
    assert list(call(way, session, "items")) == []
    assert session.session_key is None
    assert contents(world) == ({}, {})


@both_ways
@damaged
def test_a_damaged_copy_of_a_persons_session_is_read_from_its_row_and_cached_anew(damage, way, world):
    key = saved("person", shade="red").session_key
    plant(world, key, damage)
    session = SessionStore(key)
    assert call(way, session, "get", "shade") == "red"
    assert session.session_key == key
    assert own(SessionStore(key)) == {"shade": "red"}
    assert cached(world, key)["shade"] == "red"


@both_kinds
def test_a_null_in_the_cache_is_no_session_but_the_row_is(kind, world):
    key = saved(kind, shade="red").session_key
    plant(world, key, b"null")
    assert SessionStore(key).get("shade") == ("red" if kind == "person" else None)
    assert SessionStore(key).get("shade") == ("red" if kind == "person" else None)


@damaged
def test_a_save_over_a_damaged_copy_reaches_the_row_and_the_next_reader(damage, world):
    session = saved("person", shade="red")
    plant(world, session.session_key, damage)
    session["shade"] = "blue"
    session.save()
    assert own(SessionStore(session.session_key)) == {"shade": "blue"}
    assert rows(world)[stored_id(session.session_key)][1]["shade"] == "blue"


@damaged
def test_a_damaged_session_is_deleted_like_any_other(damage, world):
    session = saved("person", shade="red")
    plant(world, session.session_key, damage)
    session.flush()
    assert contents(world) == ({}, {})


@both_ways
def test_a_cache_that_fails_for_one_key_stops_nobody(way, world):
    key = saved("person", shade="red").session_key
    with world.redis() as client:
        client.delete(cache_key(key))
        client.rpush(cache_key(key), "a value of another type makes every command fail")
    session = SessionStore(key)
    assert call(way, session, "get", "shade") == "red"
    assert call(way, session, "exists", key)
    session["shade"] = "blue"
    call(way, session, "save")
    assert rows(world)[stored_id(key)][1]["shade"] == "blue"
    call(way, session, "flush")
    assert contents(world) == ({}, {})


@both_ways
@pytest.mark.parametrize("data", [None, "null", "[]", "[1]", '"text"', "7", "true"])
def test_a_row_whose_data_is_no_object_is_an_empty_session(data, way, world):
    key = saved("person", shade="red").session_key
    world.superuser("identity").execute("UPDATE sessions SET session_data = %s", (data,))
    with world.redis() as client:
        client.flushdb()
    for _ in ("cold", "warm"):
        session = SessionStore(key)
        assert list(call(way, session, "items")) == []
        assert session.session_key == key


def test_data_of_a_row_cannot_pass_for_the_envelope(world):
    key = saved("person", shade="red").session_key
    forged = json.dumps({"userId": "someone", "expiresAt": "1999-01-01T00:00:00+00:00", "version": 99})
    user_id = str(SessionStore(key)["_auth_user_id"])
    world.superuser("identity").execute("UPDATE sessions SET session_data = %s", (forged,))
    with world.redis() as client:
        client.flushdb()
    assert list(SessionStore(key).items()) == []
    assert cached(world, key)["userId"] == user_id


def test_a_failed_save_inside_a_transaction_leaves_it_usable(world):
    session = saved("person", shade="red")
    with transaction.atomic(using=IDENTITY):
        session["note"] = "\x00"
        with pytest.raises(ValueError, match="NUL"):
            session.save()
        session["note"] = "fine"
        session.save()
    assert own(SessionStore(session.session_key)) == {"shade": "red", "note": "fine"}
