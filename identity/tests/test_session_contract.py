"""A session is a dictionary with a key and two flags, as Django's own; sync and async, anonymous and a person's."""

import pytest
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.db import connections, transaction

from exchanger.kernel.contexts import IDENTITY, Context
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.factories import UserFactory
from identity.tests.session_contract import both_kinds, both_ways, cached, call, contents, keys, own, rows, saved

pytestmark = pytest.mark.context("web")


def flags(session):
    return session.accessed, session.modified


# --- the dictionary and its flags


def test_a_new_session_is_untouched_and_empty():
    session = SessionStore()
    assert flags(session) == (False, False)
    assert session.is_empty()
    assert session.session_key is None


@both_kinds
@both_ways
@pytest.mark.parametrize(
    ("name", "args", "answer", "modified"),
    [
        ("get", ("shade",), "red", False),
        ("get", ("absent",), None, False),
        ("get", ("absent", "other"), "other", False),
        ("set", ("shade", "blue"), None, True),
        ("pop", ("shade",), "red", True),
        ("pop", ("absent", "other"), "other", False),
        ("setdefault", ("shade", "blue"), "red", False),
        ("setdefault", ("size", 3), 3, True),
        ("update", ({"size": 3},), None, True),
        ("has_key", ("shade",), True, False),
        ("has_key", ("absent",), False, False),
        ("get_expiry_age", (), 24 * 3600, False),
        ("get_expire_at_browser_close", (), False, False),
    ],
)
def test_every_method_sets_the_flags_it_should(kind, way, name, args, answer, modified):
    session = SessionStore(saved(kind, shade="red").session_key)
    assert flags(session) == (False, False)
    assert call(way, session, name, *args) == answer
    assert flags(session) == (True, modified)


@both_kinds
@both_ways
@pytest.mark.parametrize("name", ["keys", "values", "items"])
def test_views_of_the_data_are_reads(kind, way, name):
    session = SessionStore(saved(kind, shade="red").session_key)
    seen = list(call(way, session, name))
    assert {"keys": "shade", "values": "red", "items": ("shade", "red")}[name] in seen
    assert flags(session) == (True, False)


@both_kinds
def test_items_are_read_tested_and_deleted_as_in_a_dictionary(kind):
    session = SessionStore(saved(kind, shade="red").session_key)
    assert "shade" in session
    assert session["shade"] == "red"
    assert flags(session) == (True, False)
    del session["shade"]
    assert "shade" not in session
    assert flags(session) == (True, True)
    with pytest.raises(KeyError):
        session["shade"]
    with pytest.raises(KeyError):
        del session["shade"]


@both_kinds
@both_ways
def test_popping_what_is_not_there_raises_and_modifies_nothing(kind, way):
    session = SessionStore(saved(kind).session_key)
    with pytest.raises(KeyError):
        call(way, session, "pop", "absent")
    assert flags(session) == (True, False)


@both_kinds
def test_clear_empties_without_reading_and_the_next_save_keeps_it_empty(kind):
    session = SessionStore(saved(kind, shade="red").session_key)
    session.clear()
    assert list(session.items()) == []
    assert flags(session) == (True, True)
    session.save()
    assert list(SessionStore(session.session_key).items()) == []


@both_kinds
def test_a_session_with_a_key_is_not_empty_and_its_data_alone_neither(kind):
    assert not SessionStore(saved(kind).session_key).is_empty()
    unsaved = SessionStore()
    unsaved["shade"] = "red"
    assert not unsaved.is_empty()


@both_ways
def test_the_test_cookie(way):
    session = SessionStore()
    assert not call(way, session, "test_cookie_worked")
    call(way, session, "set_test_cookie")
    assert call(way, session, "test_cookie_worked")
    call(way, session, "delete_test_cookie")
    assert not call(way, session, "test_cookie_worked")


# --- saving


@both_kinds
@both_ways
def test_what_is_saved_another_store_sees_with_and_without_the_cache(kind, way, world):
    session = saved(kind)
    call(way, session, "set", "basket", {"amount": "1.50", "lines": [1, None, True, "ї"]})
    call(way, session, "save")
    expected = {"basket": {"amount": "1.50", "lines": [1, None, True, "ї"]}}
    assert own(SessionStore(session.session_key)) == expected
    if kind == "person":
        with world.redis() as client:
            client.flushdb()
        assert own(SessionStore(session.session_key)) == expected


@both_kinds
@both_ways
def test_saving_without_a_change_keeps_data_and_key(kind, way):
    key = saved(kind, shade="red").session_key
    again = SessionStore(key)
    call(way, again, "save")
    assert again.session_key == key
    assert own(SessionStore(key)) == {"shade": "red"}


@both_ways
def test_saving_a_new_session_gives_it_a_key(way, world):
    session = SessionStore()
    call(way, session, "set", "shade", "red")
    call(way, session, "save")
    assert len(session.session_key) == 32
    assert call(way, session, "exists", session.session_key)
    assert rows(world) == {}


@both_kinds
@both_ways
def test_save_exists_and_delete(kind, way, world):
    session = saved(kind)
    key = session.session_key
    assert call(way, SessionStore(), "exists", key)
    call(way, session, "delete")
    assert not call(way, SessionStore(), "exists", key)
    assert contents(world) == ({}, {})


@both_kinds
@both_ways
def test_another_session_is_deleted_by_its_key(kind, way):
    session, other = saved(kind, shade="red"), saved(kind)
    call(way, session, "delete", other.session_key)
    assert not session.exists(other.session_key)
    assert own(SessionStore(session.session_key)) == {"shade": "red"}


@both_kinds
@pytest.mark.parametrize("nothing", ["", "absent-key-of-nobody"])
def test_deleting_a_key_of_nobody_deletes_nothing(kind, nothing, world):
    session = saved(kind)
    before = contents(world)
    session.delete(nothing)
    assert contents(world) == before


@pytest.mark.parametrize("nothing", [None, "", "absent-key-of-nobody"])
@both_ways
def test_a_key_of_nobody_does_not_exist(nothing, way):
    assert not call(way, SessionStore(), "exists", nothing)


@both_kinds
def test_of_two_stores_the_last_to_save_wins_and_the_cache_agrees_with_the_row(kind, world):
    key = saved(kind, shade="red").session_key
    first, second = SessionStore(key), SessionStore(key)
    second["shade"], first["shade"] = "blue", "green"
    second.save()
    first.save()
    assert own(SessionStore(key)) == {"shade": "green"}
    assert cached(world, key)["shade"] == "green"
    if kind == "person":
        assert rows(world)[stored_id(key)][1]["shade"] == "green"


def test_a_save_that_rolls_back_leaves_row_and_cache_as_they_were(world):
    key = saved("person", shade="red").session_key
    before = contents(world)
    with transaction.atomic(using=IDENTITY):
        session = SessionStore(key)
        session["shade"] = "blue"
        session.save()
        transaction.set_rollback(True, using=IDENTITY)
    assert contents(world) == before
    assert own(SessionStore(key)) == {"shade": "red"}


def test_a_login_that_rolls_back_leaves_no_session(world):
    user = UserFactory()
    with transaction.atomic(using=IDENTITY):
        session = session_open(user=user)
        transaction.set_rollback(True, using=IDENTITY)
    assert rows(world) == {}
    assert list(SessionStore(session.session_key).items()) == []


@both_kinds
def test_a_deletion_that_rolls_back_leaves_the_session(kind, world):
    key = saved(kind, shade="red").session_key
    before = contents(world)
    with transaction.atomic(using=IDENTITY):
        SessionStore(key).flush()
        transaction.set_rollback(True, using=IDENTITY)
    assert contents(world) == before
    assert own(SessionStore(key)) == {"shade": "red"}


@both_ways
def test_saving_an_empty_new_session_creates_it(way):
    session = SessionStore()
    call(way, session, "save")
    assert session.exists(session.session_key)


@both_kinds
@both_ways
def test_saving_leaves_the_data_in_memory(kind, way):
    session = saved(kind)
    session["shade"] = "red"
    call(way, session, "save")
    assert own(session) == {"shade": "red"}


@both_kinds
@both_ways
def test_exists_asks_the_cache_first(kind, way, django_assert_num_queries):
    key = saved(kind).session_key
    with django_assert_num_queries(0, connection=connections[IDENTITY]):
        assert call(way, SessionStore(), "exists", key)


def test_exists_asks_the_row_when_the_cache_is_cold(world):
    key = saved("person").session_key
    with world.redis() as client:
        client.flushdb()
    assert SessionStore().exists(key)


def test_signed_text_of_a_session_reads_back_and_forged_text_is_empty():
    session = SessionStore()
    assert session.decode(session.encode({"shade": "red"})) == {"shade": "red"}
    assert session.decode("forged") == {}


# --- flushing and changing the key


@both_kinds
@both_ways
def test_flush_removes_the_session_and_its_key(kind, way, world):
    session = saved(kind, shade="red")
    key = session.session_key
    call(way, session, "flush")
    assert session.session_key is None
    assert session.is_empty()
    assert flags(session) == (True, True)
    assert contents(world) == ({}, {})
    assert own(SessionStore(key)) == {}


@both_ways
def test_flushing_an_empty_session_stores_nothing(way, world):
    session = SessionStore()
    call(way, session, "flush")
    assert session.session_key is None
    assert contents(world) == ({}, {})


@both_kinds
@both_ways
def test_cycle_key_keeps_the_data_under_another_key_and_the_old_one_is_dead(kind, way, world):
    session = saved(kind, shade="red")
    old = session.session_key
    call(way, session, "cycle_key")
    assert session.session_key != old
    assert own(session) == {"shade": "red"}
    session.save()
    assert own(SessionStore(session.session_key)) == {"shade": "red"}
    assert list(SessionStore(old).items()) == []
    assert len(keys(world)) == 1
    assert len(rows(world)) == (1 if kind == "person" else 0)


@both_kinds
@both_ways
def test_cycle_key_of_a_session_not_read_yet_keeps_the_data(kind, way):
    session = SessionStore(saved(kind, shade="red").session_key)
    call(way, session, "cycle_key")
    assert own(session) == {"shade": "red"}
    session.save()
    assert own(SessionStore(session.session_key)) == {"shade": "red"}


@both_ways
def test_cycle_key_of_a_new_session_creates_it(way):
    session = SessionStore()
    call(way, session, "cycle_key")
    assert SessionStore().exists(session.session_key)


@both_kinds
@both_ways
def test_create_gives_an_empty_saved_session(kind, way, world):
    session = SessionStore()
    if kind == "person":
        session["_auth_user_id"] = str(UserFactory().pk)
    call(way, session, "create")
    assert session.modified
    assert session.exists(session.session_key)
    assert len(rows(world)) == (1 if kind == "person" else 0)


# --- conflicts


@both_kinds
@both_ways
def test_a_taken_key_is_not_reused_and_create_takes_another(kind, way, monkeypatch, world):
    taken = saved(kind, shade="red").session_key
    before = contents(world)
    fresh = SessionStore()
    if kind == "person":
        fresh["_auth_user_id"] = str(UserFactory().pk)
    draws = [taken, "k" * 32]
    monkeypatch.setattr(fresh, "_get_new_session_key", lambda: draws.pop(0))
    call(way, fresh, "create")
    assert fresh.session_key == "k" * 32
    assert draws == []
    after = contents(world)
    assert all(before[store].items() <= after[store].items() for store in (0, 1))


@both_kinds
@both_ways
def test_creating_under_a_taken_key_is_refused(kind, way, world):
    taken = saved(kind, shade="red")
    before = contents(world)
    second = SessionStore(taken.session_key)
    second.update(dict(taken.items()) | {"shade": "blue"})
    with pytest.raises(CreateError):
        call(way, second, "save", must_create=True)
    assert contents(world) == before


@both_kinds
@both_ways
def test_saving_after_a_concurrent_deletion_is_refused_and_brings_nothing_back(kind, way, world):
    session = saved(kind, shade="red")
    late = SessionStore(session.session_key)
    late["shade"] = "blue"
    session.flush()
    with pytest.raises(UpdateError):
        call(way, late, "save")
    assert contents(world) == ({}, {})


@both_kinds
@both_ways
@pytest.mark.parametrize("login", [False, True])
def test_rewriting_without_reading_does_not_bring_a_deleted_session_back_either(kind, way, login, world):
    session = saved(kind, shade="red")
    late = SessionStore(session.session_key)
    late.clear()
    if login:
        late["_auth_user_id"] = str(UserFactory().pk)
    session.flush()
    with pytest.raises(UpdateError):
        call(way, late, "save")
    assert contents(world) == ({}, {})


@both_kinds
def test_a_late_save_does_not_take_a_readers_lease_for_the_session(kind, world):
    session = saved(kind, shade="red")
    late = SessionStore(session.session_key)
    late["shade"] = "blue"
    session.flush()
    with world.redis() as client:
        client.set(f"identity:session:web:{stored_id(late.session_key)}", b"lease:of-a-reader", ex=10)
    with pytest.raises(UpdateError):
        late.save()
    assert list(SessionStore(late.session_key).items()) == []
    assert rows(world) == {}


@both_ways
def test_saving_under_a_key_of_nobody_is_refused(way, world):
    with pytest.raises(UpdateError):
        call(way, SessionStore("absent-key-of-nobody"), "save")
    assert contents(world) == ({}, {})


@both_kinds
@both_ways
def test_reading_creates_no_record(kind, way, world):
    key = saved(kind).session_key
    SessionStore(key).flush()
    session = SessionStore(key)
    assert call(way, session, "load") == {}
    assert session.session_key is None
    assert contents(world) == ({}, {})


# --- the contexts


@both_kinds
@pytest.mark.parametrize("context", list(Context))
def test_every_context_keeps_finds_and_ends_its_own_sessions(kind, context, as_context, world):
    with as_context(context):
        session = saved(kind, shade="red")
        assert own(SessionStore(session.session_key)) == {"shade": "red"}
        assert keys(world) == {f"identity:session:{context}:{stored_id(session.session_key)}"}
        session.cycle_key()
        session.flush()
        assert contents(world) == ({}, {})


@both_kinds
def test_a_warm_session_is_read_without_sql(kind, django_assert_num_queries):
    key = saved(kind, shade="red").session_key
    with django_assert_num_queries(0, connection=connections[IDENTITY]):
        assert own(SessionStore(key)) == {"shade": "red"}
