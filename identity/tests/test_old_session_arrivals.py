"""Somebody comes with a cookie of the older platform: their session goes on, once, in its own context."""

import pickle
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as configured
from django.db import connections
from django.test import override_settings
from django.urls import reverse
from rest_framework.test import APIClient

from exchanger.kernel.contexts import Context
from exchanger.kernel.legacy_ids import uuid_of
from exchanger.kernel.metrics.process import OLD_SESSIONS
from exchanger.kernel.old_sessions import CookieKind
from exchanger.testing.outages import frozen_redis
from identity.old_sessions import rows
from identity.old_sessions.giving import given_of
from identity.old_sessions.keys import moved_id
from identity.old_sessions.values import read_value
from identity.services.sessions import user_sessions_revoke
from identity.services.users import user_block, user_set_password, user_unblock
from identity.session_values import stored_id
from identity.tests.accounts import in_threads
from identity.tests.factories import UserFactory
from identity.tests.old_platform import (
    HOUR,
    KINDS,
    cookie,
    django_data,
    keep,
    old_redis,
    old_url,
    platform,
    signed,
    value,
)

KEY = "fZpqVYTtLRkv3vJ0gC1nXk2eQ5sBwHdA"
ME = "/api/v1/auth/me"
# Telegram's login reads no password hash, so it cannot tell a Django session of today's password from a former one's.
UNPROVED = (CookieKind.DJANGO, Context.TELEGRAM)
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def user(world):
    return UserFactory(permissions={"admin": ["*"]})


@pytest.fixture
def window(world, settings):
    """The process has cookies of the older platform, and its Redis."""

    def opened(context, **changed):
        settings.OLD_PLATFORM = platform(Context(context), old_url(world), **changed)
        settings.OPERATORS_SECOND_FACTOR = False

    return opened


@pytest.fixture
def served(as_context, world):
    """Be a process of a context that has the older platform's cookies, and its Redis where the window is open."""

    @contextmanager
    def be(context, *, window=True):
        known = platform(Context(context), old_url(world) if window else "")
        with as_context(context), override_settings(OLD_PLATFORM=known, OPERATORS_SECOND_FACTOR=False):
            yield

    return be


def come(old=None, ours=None, method="get", path=ME, client=None, **headers):
    """A request with an old cookie, or with the one that replaced it."""
    client = client or APIClient()
    for name, content in {**(old or {}), **(ours or {})}.items():
        client.cookies[name] = content
    return getattr(client, method)(path, headers=headers)


def our_cookie(answer):
    given = answer.cookies.get(configured.SESSION_COOKIE_NAME)
    return None if given is None or not given.value else {configured.SESSION_COOKIE_NAME: given.value}


def moved(user, kind, context, *, seconds=HOUR, key=KEY, way="import"):
    """Take a session over as the import does; ``as_context(None)`` around it."""
    given = given_of(key, read_value(value(kind, user, seconds)), None)
    return rows.take([given], Context(context), way, until=None)[given.id]


def stored(world):
    """Every row of a session and every note, and what Redis holds of sessions."""
    identity = world.superuser("identity")
    with world.redis() as client:
        return (
            identity.execute("SELECT * FROM sessions ORDER BY id").fetchall(),
            identity.execute("SELECT * FROM old_sessions ORDER BY id").fetchall(),
            sorted(client.keys("identity:session:*")),
        )


# --- it goes on


@every_kind
@pytest.mark.parametrize("context", list(Context))
def test_an_imported_session_of_each_kind_goes_on_in_its_context_and_is_given_our_cookie(
    kind, context, user, world, as_context, served
):
    with as_context(None):
        assert moved(user, kind, context) is rows.Taken.NEW
    with served(context, window=False):
        first = come(cookie(kind, KEY))
        assert first.status_code == 200, first.content
        assert first.json()["email"] == user.email
        ours = our_cookie(first)
        assert come(ours=ours).json()["email"] == user.email
        [(row_id, held)] = world.superuser("identity").execute("SELECT id, session_data FROM sessions").fetchall()
        assert row_id == stored_id(ours[configured.SESSION_COOKIE_NAME])
        assert held["old"].keys() == {"fields", "signed", "openedAt"}


@pytest.mark.parametrize(
    ("kind", "context"),
    [(kind, context) for kind in KINDS for context in Context if (kind, context) != UNPROVED],
)
def test_a_session_that_nobody_has_moved_is_fetched_from_the_old_redis_and_goes_on(kind, context, user, world, served):
    place = keep(world, kind, KEY, value(kind, user, basket=["USD"]))
    with served(context):
        first = come(cookie(kind, KEY))
        assert first.json()["email"] == user.email
        assert come(ours=our_cookie(first)).json()["email"] == user.email
    [(way, where)] = world.superuser("identity").execute("SELECT way, application_context FROM old_sessions")
    assert (way, where) == ("visit", context)
    [(held,)] = world.superuser("identity").execute("SELECT session_data -> 'old' -> 'fields' FROM sessions")
    assert held == {"basket": ["USD"]}
    with old_redis(world) as client:
        assert client.exists(place)


def test_what_telegram_cannot_prove_it_does_not_take(user, world, served):
    kind, context = UNPROVED
    keep(world, kind, KEY, value(kind, user))
    with served(context):
        assert come(cookie(kind, KEY)).status_code == 401
    assert stored(world) == ([], [], [])


@pytest.mark.context("web")
def test_arrivals_are_counted_by_what_became_of_them(user, world, window):
    def counted():
        return {name: OLD_SESSIONS.labels(name)._value.get() for name in ("opened", "dead", "unknown", "out_of_reach")}

    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    before = counted()
    come(cookie(CookieKind.TOKEN, KEY))
    world.superuser("identity").execute("DELETE FROM sessions")
    come(cookie(CookieKind.TOKEN, KEY))
    come(cookie(CookieKind.TOKEN, "another-key"))
    assert {name: number - before[name] for name, number in counted().items()} == {
        "opened": 1,
        "dead": 1,
        "unknown": 1,
        "out_of_reach": 0,
    }


@pytest.mark.context("web")
def test_it_keeps_the_life_that_was_left_and_so_do_its_key_and_its_cookie(user, world, window):
    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user, seconds=2 * HOUR), seconds=HOUR)
    answer = come(cookie(CookieKind.TOKEN, KEY))
    [(left,)] = world.superuser("identity").execute("SELECT extract(epoch FROM expires_at - now()) FROM sessions")
    assert HOUR - 60 < left <= HOUR
    assert HOUR - 60 < answer.cookies[configured.SESSION_COOKIE_NAME]["max-age"] <= HOUR
    with world.redis() as client:
        [key] = client.keys("identity:session:web:*")
        assert HOUR - 60 < client.ttl(key) <= HOUR
        assert stored_id(our_cookie(answer)[configured.SESSION_COOKIE_NAME]) in key.decode()


@pytest.mark.context("web")
def test_a_long_session_ends_with_the_absolute_life_of_ours(user, world, settings, window):
    window("web")
    settings.SESSION_ABSOLUTE_AGE = 2 * HOUR
    year = 365 * 24 * HOUR
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user, seconds=year), seconds=year)
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 200
    [(left,)] = world.superuser("identity").execute("SELECT extract(epoch FROM expires_at - created_at) FROM sessions")
    assert left == 2 * HOUR


@pytest.mark.context("web")
def test_a_number_of_an_old_django_is_the_person_whom_the_import_made_of_it(world, window):
    person = UserFactory(id=uuid_of("auth_user", 17))
    window("web")
    data = {**django_data(person), "_auth_user_id": "17"}
    keep(world, CookieKind.DJANGO, KEY, pickle.dumps(data))
    assert come(cookie(CookieKind.DJANGO, KEY)).json()["id"] == str(person.pk)


@pytest.mark.context("admin")
def test_an_old_session_has_passed_no_second_factor_whatever_it_says(user, world, settings, window):
    window("admin")
    settings.OPERATORS_SECOND_FACTOR = True
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user, second_factor_at=4102444800, _auth_user_hash="x"))
    answer = come(cookie(CookieKind.TOKEN, KEY))
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")


# --- once


@pytest.mark.context("web")
def test_two_tabs_with_the_same_old_cookie_both_go_on_with_one_session(user, world, window):
    window("web")
    keep(world, CookieKind.EXPRESS, KEY, value(CookieKind.EXPRESS, user))
    answers = in_threads(*[lambda: come(cookie(CookieKind.EXPRESS, KEY))] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({our_cookie(answer)[configured.SESSION_COOKIE_NAME] for answer in answers}) == 1
    sessions, notes, keys = stored(world)
    assert (len(sessions), len(notes), len(keys)) == (1, 1, 1)


@pytest.mark.context("web")
def test_after_a_minute_the_old_cookie_opens_nothing_and_leaves_the_browser(user, world, window):
    window("web")
    keep(world, CookieKind.EXPRESS, KEY, value(CookieKind.EXPRESS, user))
    ours = our_cookie(come(cookie(CookieKind.EXPRESS, KEY)))
    world.superuser("identity").execute(
        "UPDATE sessions"
        " SET session_data = jsonb_set(session_data, '{old,openedAt}', to_jsonb(now() - interval '61 seconds'))"
    )
    before = stored(world)
    late = come(cookie(CookieKind.EXPRESS, KEY))
    assert late.status_code == 401
    assert our_cookie(late) is None
    assert late.cookies["connect.sid"].value == ""
    assert stored(world) == before
    assert come(ours=ours).status_code == 200


@pytest.mark.context("web")
def test_a_session_that_was_logged_out_here_is_not_fetched_again(user, world, window):
    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    client = APIClient()
    assert come(cookie(CookieKind.TOKEN, KEY), client=client).status_code == 200
    assert client.post("/api/v1/auth/logout").status_code in (200, 204)
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world)[0] == []


@pytest.mark.context("web")
def test_a_log_out_that_is_the_first_thing_an_old_cookie_does_is_final(user, world, window):
    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    answer = come(cookie(CookieKind.TOKEN, KEY), method="post", path="/api/v1/auth/logout")
    assert answer.status_code in (200, 204)
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world)[0] == []


@every_kind
def test_a_session_that_an_operator_revoked_before_its_cookie_came_stays_ended(kind, user, world, as_context, served):
    keep(world, kind, KEY, value(kind, user))
    with as_context(None):
        moved(user, kind, "web")
    with as_context("admin"):
        assert user_sessions_revoke(user_id=user.pk) == {"web": 1}
    with served("web"):
        assert come(cookie(kind, KEY)).status_code == 401
    assert stored(world)[0] == []


@every_kind
@pytest.mark.parametrize("moved_before", [True, False])
def test_who_is_blocked_comes_in_by_no_old_session_until_let_in_again(
    moved_before, kind, user, world, as_context, served
):
    with as_context("admin"):
        user_block(user_id=user.pk)
    keep(world, kind, KEY, value(kind, user))
    if moved_before:
        with as_context(None):
            moved(user, kind, "web")
    with served("web"):
        assert come(cookie(kind, KEY)).status_code == 401
    with as_context("admin"):
        user_unblock(user_id=user.pk)
    assert stored(world)[0] == []


@every_kind
def test_a_change_of_the_password_ends_the_sessions_that_wait_for_their_cookies(kind, user, world, as_context, served):
    with as_context(None):
        moved(user, kind, "web")
    with served("web"):
        user_set_password(user=user, password="an entirely new one")
        before = stored(world)
        assert come(cookie(kind, KEY)).status_code == 401
    assert stored(world) == before


@every_kind
@pytest.mark.context("web")
def test_nobody_brings_back_what_a_changed_password_ended_from_the_old_redis(kind, user, world, window):
    window("web", until=datetime.now(UTC) - timedelta(hours=1))
    keep(world, kind, KEY, value(kind, user))
    user_set_password(user=user, password="an entirely new one")
    before = stored(world)
    assert come(cookie(kind, KEY)).status_code == 401
    assert stored(world) == before


@pytest.mark.context("web")
def test_a_django_session_of_a_former_password_stays_dead(user, world, window):
    window("web")
    of_before = UserFactory.build(id=user.pk, password="pbkdf2_sha256$1$salt$former")
    keep(world, CookieKind.DJANGO, KEY, value(CookieKind.DJANGO, of_before))
    before = stored(world)
    assert come(cookie(CookieKind.DJANGO, KEY)).status_code == 401
    assert stored(world) == before


# --- in its own context alone


@every_kind
@pytest.mark.parametrize("home", [Context.WEB, Context.ADMIN])
def test_what_one_context_has_taken_no_other_finds(kind, home, user, world, served):
    """Even where another's environment claims the same cookie, and has the same old Redis."""
    keep(world, kind, KEY, value(kind, user))
    with served(home):
        ours = our_cookie(come(cookie(kind, KEY)))
    [key] = ours.values()
    before = stored(world)
    for other in set(Context) - {home}:
        with served(other):
            assert come(cookie(kind, KEY)).status_code in (401, 403)
            assert come(ours={configured.SESSION_COOKIE_NAME: key}).status_code in (401, 403)
    assert stored(world)[:2] == before[:2]


def test_the_row_that_waits_is_opened_by_no_cookie_of_ours(user, as_context, served):
    with as_context(None):
        moved(user, CookieKind.TOKEN, "web")
    with served("web", window=False):
        for guess in (KEY, moved_id(KEY)):
            assert come(ours={configured.SESSION_COOKIE_NAME: guess}).status_code == 401
            assert APIClient(headers={"Authorization": f"Bearer {guess}"}).get(ME).status_code == 401
        assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 200


# --- refused


@pytest.mark.context("web")
@pytest.mark.parametrize(
    "forged",
    [
        signed(KEY, "another secret"),
        signed(KEY)[:-1],
        signed("another key").partition(".")[0] + "." + signed(KEY).partition(".")[2],
        KEY,
        f"s:{KEY}",
        f"s:{KEY}.",
        "s:.x",
        "",
    ],
    ids=["other secret", "cut", "other key", "unsigned", "no signature", "empty signature", "no key", "nothing"],
)
def test_a_forged_cookie_opens_nothing_and_makes_no_row(forged, user, world, window):
    window("web")
    keep(world, CookieKind.EXPRESS, KEY, value(CookieKind.EXPRESS, user))
    answer = come({"connect.sid": forged})
    assert answer.status_code == 401
    assert our_cookie(answer) is None
    assert stored(world) == ([], [], [])


@pytest.mark.parametrize("moved_before", [True, False])
def test_who_has_read_a_signed_key_opens_nothing_with_a_cookie_that_needs_no_signature(
    moved_before, user, world, as_context, served
):
    with old_redis(world) as client:
        client.set(f"session:{KEY}", value(CookieKind.EXPRESS, user))
    if moved_before:
        with as_context(None):
            moved(user, CookieKind.EXPRESS, "web")
    before = stored(world)
    with served("web"):
        for name in ("sid", "sessionid"):
            assert come({name: KEY}).status_code == 401
        assert stored(world) == before
        assert come(cookie(CookieKind.EXPRESS, KEY)).status_code == (200 if moved_before else 401)


class Planted:
    """What nobody may unpickle."""

    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle has run code')",)


@pytest.mark.context("web")
@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"cookie": {"path": "/"}}',
        b'{"userId": "somebody"}',
        b'{"userId": true}',
        b'{"userId": "6c9b0a52-1b9e-4c8e-8f43-0a6d1d7f2f11"}',
        b'{"userId": 1, "expiresAt": "2020-01-01T00:00:00Z"}',
        b'{"userId": 1, "expiresAt": "soon"}',
        b'{"userId": 1, "expiresAt": "2999-01-01T00:00:00+20:00"}',  # PostgreSQL knows no such offset
        b'{"userId": 1, "expiresAt": "9999-12-31T23:59:59-01:00"}',  # nor Python the year 10000
        b'{"_auth_user_id": "1"}',
        pickle.dumps(["a list"]),
        pickle.dumps(Planted()),
        b"\x80\x04broken",
    ],
)
def test_what_is_no_living_session_of_a_person_opens_nothing_and_makes_no_row(held, world, window):
    window("web")
    keep(world, CookieKind.TOKEN, KEY, held, seconds=None)
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world) == ([], [], [])


@pytest.mark.context("web")
def test_a_session_that_says_it_has_ended_does_not_revive(user, world, window):
    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user, seconds=-1))
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world) == ([], [], [])


def test_an_imported_session_that_has_expired_does_not_revive(user, world, as_context, served):
    with as_context(None):
        moved(user, CookieKind.TOKEN, "web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    world.superuser("identity").execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    before = stored(world)
    with served("web"):
        assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world) == before


@pytest.mark.context("web")
def test_without_the_variables_an_old_cookie_is_nobodys(user, world, settings):
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    assert settings.OLD_PLATFORM.cookies == ()
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world) == ([], [], [])


@pytest.mark.context("web")
def test_with_the_window_closed_only_what_has_been_moved_is_found(user, world, settings):
    settings.OLD_PLATFORM = platform(Context.WEB)
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 401
    assert stored(world) == ([], [], [])


@pytest.mark.context("web")
def test_the_first_post_needs_a_csrf_token_as_any_other(user, world, window):
    """It changes nothing; the session is open all the same, and the answer carries its cookie."""
    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    client = APIClient(enforce_csrf_checks=True)
    answer = come(cookie(CookieKind.TOKEN, KEY), method="post", path=reverse("logout"), client=client)
    assert answer.status_code == 403
    assert our_cookie(answer) is not None
    assert client.get(ME).status_code == 200


@pytest.mark.context("web")
def test_a_picture_on_another_site_does_not_use_the_old_cookie_up(user, world, window):
    window("web")
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert come(cookie(CookieKind.TOKEN, KEY), **picture).status_code == 401
    assert stored(world) == ([], [], [])
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert come(cookie(CookieKind.TOKEN, KEY), **link).status_code == 200


# --- the old Redis


@pytest.mark.context("web")
def test_the_old_key_is_removed_with_its_cookie_where_that_is_asked_for(user, world, window):
    window("web", removes=True)
    place = keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    answer = come(cookie(CookieKind.TOKEN, KEY))
    assert answer.status_code == 200
    assert answer.cookies["sid"].value == ""
    with old_redis(world) as client:
        assert not client.exists(place)


@pytest.mark.context("web")
def test_an_old_redis_that_is_down_leaves_people_anonymous_and_is_asked_by_one_request_an_interval(
    user, world, settings, window, caplog
):
    window("web")
    settings.OLD_PLATFORM = platform(Context.WEB, "unix:///nowhere/old.sock")
    settings.REDIS_PROBE_SECONDS = 600.0
    for _ in range(3):
        answer = come(cookie(CookieKind.TOKEN, KEY))
        assert answer.status_code == 401
        assert "sid" not in answer.cookies  # it may be good yet
    assert sum("The old Redis does not answer" in record.message for record in caplog.records) == 1
    assert stored(world) == ([], [], [])


@pytest.mark.context("web")
def test_a_key_that_holds_no_session_does_not_close_the_window(user, world, window):
    window("web")
    with old_redis(world) as client:
        client.sadd("session:index", "a")
    assert come(cookie(CookieKind.TOKEN, "index")).status_code == 401
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    assert come(cookie(CookieKind.TOKEN, KEY)).status_code == 200


@pytest.mark.context("web")
def test_a_key_that_is_kept_for_ages_is_a_session_like_any_other(user, world, window):
    window("web")
    place = keep(world, CookieKind.DJANGO, KEY, value(CookieKind.DJANGO, user))
    with old_redis(world) as client:
        client.pexpireat(place, 2**60)
    assert come(cookie(CookieKind.DJANGO, KEY)).status_code == 200


@pytest.mark.context("web")
def test_a_frozen_redis_of_both_platforms_holds_nobody_up_for_long(user, world, settings, window):
    window("web")
    settings.REDIS_PROBE_SECONDS = 600.0
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user))
    with frozen_redis(world):
        assert [come(cookie(CookieKind.TOKEN, KEY)).status_code for _ in range(3)] == [401] * 3
    assert stored(world) == ([], [], [])


@pytest.mark.context("web")
def test_what_an_arrival_costs_and_that_the_next_request_costs_what_it_ever_did(
    user, world, window, django_assert_num_queries
):
    window("web")
    two_days = 48 * HOUR  # so that the life of a session in use is not lengthened yet
    keep(world, CookieKind.TOKEN, KEY, value(CookieKind.TOKEN, user, seconds=two_days), seconds=two_days)
    identity = connections["identity"]
    with world.redis() as redis:
        redis.config_resetstat()
        # Found nothing; took it; found it; the person; opened it; read it.
        with django_assert_num_queries(6, connection=identity):
            first = come(cookie(CookieKind.TOKEN, KEY))
        calls = {name: facts["calls"] for name, facts in redis.info("commandstats").items()}
        asked = {name: calls[f"cmdstat_{name}"] for name in ("pttl", "evalsha", "set")}
        # In the old place once. The person and the session are missed and filled, with a SET inside the script; then
        # the person is there.
        assert asked == {"pttl": 1, "evalsha": 2, "set": 5}
    with django_assert_num_queries(0, connection=identity):
        come({**cookie(CookieKind.TOKEN, KEY)}, our_cookie(first))
    with django_assert_num_queries(1, connection=identity):  # an old cookie that is worth nothing
        come(cookie(CookieKind.TOKEN, "another-key"))
