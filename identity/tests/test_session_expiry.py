"""When sessions end: the context's default, custom moments, the browser's close, and the purge of what has ended."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.utils import timezone

from exchanger.kernel.contexts import Context
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.session_contract import both_kinds, both_ways, cache_key, call, contents, keys, own, rows, saved

pytestmark = pytest.mark.context("web")

DAY = 24 * 3600
NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def life_in_redis(world, session):
    """Seconds that the cached value may still live."""
    with world.redis() as client:
        return client.pttl(cache_key(session.session_key)) / 1000


def end_of_row(world, session):
    found = world.superuser("identity").execute(
        "SELECT expires_at FROM sessions WHERE id = %s", (stored_id(session.session_key),)
    )
    return found.fetchone()[0]


# --- what a session says of its end


@both_ways
def test_the_default_is_the_contexts_cookie_age(way, settings):
    session = SessionStore()
    assert call(way, session, "get_expiry_age") == settings.SESSION_COOKIE_AGE == DAY
    assert call(way, session, "get_expiry_date", modification=NOON) == NOON + timedelta(days=1)
    settings.SESSION_COOKIE_AGE = 600
    assert call(way, session, "get_expiry_age") == 600


@both_ways
@pytest.mark.parametrize("context", list(Context))
def test_each_context_has_a_life_of_its_own(way, context, as_context):
    with as_context(context):
        assert call(way, SessionStore(), "get_expiry_age") == (30 * 60 if context is Context.ADMIN else DAY)


@both_ways
@pytest.mark.parametrize(
    "given", [10, timedelta(seconds=10), NOON + timedelta(seconds=10)], ids=["seconds", "a timedelta", "a datetime"]
)
def test_a_custom_end_in_every_form(way, given, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    session = SessionStore()
    call(way, session, "set_expiry", given)
    assert session.modified
    assert call(way, session, "get_expiry_date", modification=NOON) == NOON + timedelta(seconds=10)
    assert call(way, session, "get_expiry_age", modification=NOON) == 10
    assert not call(way, session, "get_expire_at_browser_close")


@both_ways
def test_seconds_count_from_the_modification_and_a_moment_does_not_move(way):
    later = NOON + timedelta(seconds=4)
    session = SessionStore()
    call(way, session, "set_expiry", 10)
    assert call(way, session, "get_expiry_date", modification=later) == NOON + timedelta(seconds=14)
    call(way, session, "set_expiry", NOON + timedelta(seconds=10))
    assert call(way, session, "get_expiry_date", modification=later) == NOON + timedelta(seconds=10)
    assert call(way, session, "get_expiry_age", modification=later) == 6


@both_ways
@pytest.mark.parametrize("expiry", [20, NOON + timedelta(seconds=20), (NOON + timedelta(seconds=20)).isoformat()])
def test_an_expiry_that_is_given_is_taken_instead_of_the_sessions(way, expiry):
    session = SessionStore("a-key-that-need-not-be-loaded")
    assert call(way, session, "get_expiry_age", modification=NOON, expiry=expiry) == 20
    assert call(way, session, "get_expiry_date", modification=NOON, expiry=expiry) == NOON + timedelta(seconds=20)
    assert not session.accessed


@both_ways
def test_zero_is_the_browsers_close_and_none_the_default_again(way):
    session = SessionStore()
    call(way, session, "set_expiry", 0)
    assert call(way, session, "get_expire_at_browser_close")
    assert call(way, session, "get_expiry_age") == DAY
    call(way, session, "set_expiry", None)
    assert not call(way, session, "get_expire_at_browser_close")
    assert "_session_expiry" not in session


@both_ways
def test_none_on_a_session_with_no_custom_end_is_no_error(way):
    session = SessionStore()
    call(way, session, "set_expiry", None)
    assert list(session.items()) == []


@both_ways
@pytest.mark.parametrize("setting", [True, False])
@pytest.mark.parametrize(("given", "closes"), [(None, None), (0, True), (10, False)])
def test_the_setting_of_the_browsers_close_yields_to_the_sessions_own(way, setting, given, closes, settings):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = setting
    session = SessionStore()
    call(way, session, "set_expiry", given)
    assert call(way, session, "get_expire_at_browser_close") is (setting if closes is None else closes)


# --- what the stores make of it


@both_kinds
@both_ways
@pytest.mark.parametrize(("given", "life"), [(None, DAY), (0, DAY), (90, 90), (timedelta(seconds=90), 90)], ids=str)
def test_both_stores_keep_a_session_until_its_end(kind, way, given, life, world):
    session = saved(kind, shade="red")
    call(way, session, "set_expiry", given)
    call(way, session, "save")
    assert life - 60 < life_in_redis(world, session) <= life
    if kind == "person":
        assert timedelta(seconds=life - 60) < end_of_row(world, session) - timezone.now() <= timedelta(seconds=life)
    assert own(SessionStore(session.session_key))["shade"] == "red"


@both_kinds
def test_a_custom_end_survives_the_stores(kind):
    session = saved(kind)
    moment = timezone.now() + timedelta(hours=2)
    session.set_expiry(moment)
    session.save()
    assert SessionStore(session.session_key).get_expiry_date() == moment


@both_kinds
def test_redis_keeps_nothing_for_more_than_a_day(kind, world):
    session = saved(kind, shade="red")
    session.set_expiry(timedelta(days=30))
    session.save()
    assert DAY - 60 < life_in_redis(world, session) <= DAY
    if kind == "person":  # the row goes on
        with world.redis() as client:
            client.flushdb()
        assert own(SessionStore(session.session_key))["shade"] == "red"


@both_kinds
def test_a_life_is_not_cut_to_whole_seconds(kind, monkeypatch, world):
    session = saved(kind)
    start, ticks = timezone.now(), itertools.count()
    monkeypatch.setattr(timezone, "now", lambda: start + timedelta(milliseconds=next(ticks)))
    with world.redis() as client:
        seconds, microseconds = client.time()
        session.set_expiry(90)
        session.save()
        ends = client.pexpiretime(cache_key(session.session_key))
    assert ends >= seconds * 1000 + microseconds // 1000 + 89_900


@both_kinds
def test_a_naive_moment_is_taken_in_the_current_time_zone(kind, world):
    session = saved(kind, shade="red")
    session.set_expiry(timezone.make_naive(timezone.now()) + timedelta(seconds=90))
    session.save()
    assert 30 < life_in_redis(world, session) <= 90
    assert SessionStore(session.session_key)["shade"] == "red"


@both_kinds
@both_ways
@pytest.mark.parametrize("given", [-10, timedelta(seconds=-10), NOON], ids=["seconds", "a timedelta", "a datetime"])
def test_an_end_in_the_past_ends_the_session_at_once(kind, way, given, world):
    session = saved(kind, shade="red")
    call(way, session, "set_expiry", given)
    call(way, session, "save")
    assert keys(world) == set()
    again = SessionStore(session.session_key)
    assert call(way, again, "load") == {}
    assert again.session_key is None
    assert not again.exists(session.session_key)


@both_kinds
def test_a_new_session_with_an_end_in_the_past_is_never_seen(kind, world):
    session = SessionStore()
    session.update(saved(kind).items())
    session.set_expiry(-10)
    session.save()
    assert cache_key(session.session_key) not in keys(world)
    assert list(SessionStore(session.session_key).items()) == []


@both_ways
def test_an_expired_row_is_not_loaded_saved_or_cached(way, world):
    key = saved("person", shade="red").session_key
    late = SessionStore(key)
    late["shade"] = "blue"
    world.superuser("identity").execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    with world.redis() as client:
        client.flushdb()
    before = contents(world)
    assert call(way, SessionStore(key), "load") == {}
    assert not call(way, SessionStore(), "exists", key)
    with pytest.raises(UpdateError):
        call(way, late, "save")
    assert contents(world) == before


@both_kinds
def test_a_cached_session_past_its_end_is_not_taken(kind, monkeypatch):
    key = saved(kind, shade="red").session_key
    later = timezone.now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    session = SessionStore(key)
    assert list(session.items()) == []
    assert session.session_key is None


# --- the purge


@both_ways
@pytest.mark.parametrize("context", list(Context))
def test_clear_expired_removes_the_expired_rows_of_its_own_context_alone(way, context, as_context, world):
    kept = set()
    for other in Context:
        with as_context(other):
            live, ended = saved("person"), saved("person")
            kept.add(stored_id(live.session_key))
            world.superuser("identity").execute(
                "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = %s",
                (stored_id(ended.session_key),),
            )
            if other is not context:
                kept.add(stored_id(ended.session_key))
    with as_context(context):
        call(way, SessionStore, "clear_expired")
    assert set(rows(world)) == kept


def test_maintenance_purges_every_context(as_context, world):
    for context in Context:
        with as_context(context):
            saved("person")
    world.superuser("identity").execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    with as_context(None):
        SessionStore.clear_expired()
    assert rows(world) == {}


def test_clear_expired_goes_on_batch_after_batch(monkeypatch, world):
    monkeypatch.setattr("identity.sessions.PURGE_BATCH", 2)
    for _ in range(5):
        saved("person")
    world.superuser("identity").execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    SessionStore.clear_expired()
    assert rows(world) == {}
