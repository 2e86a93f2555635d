"""The telegram application opens sessions on Telegram's word: for linked people, and once for each init data."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from exchanger.kernel.cache import access
from exchanger.kernel.contexts import ForeignContext
from exchanger.kernel.origin import Origin
from exchanger.testing.outages import frozen_redis
from identity.services.telegram import NotLinked, telegram_login, telegram_session_open
from identity.services.throttling import LOGIN_TELEGRAM
from identity.session_values import stored_id
from identity.tests.accounts import in_threads
from identity.tests.factories import UserFactory
from identity.tests.guesses import counters, fail, pass_seconds
from identity.tests.init_data import TOKEN, fields_of, init_data, signed

pytestmark = pytest.mark.context("telegram")
LOGIN, ME = "/api/v1/auth/login", "/api/v1/auth/me"
TELEGRAM_ID = 5001


@pytest.fixture(autouse=True)
def bot_token(settings, _marked_context):
    settings.TELEGRAM_BOT_TOKEN = TOKEN


@pytest.fixture
def linked():
    """A person who has linked the Telegram account 5001."""
    return UserFactory(profile__telegram_user_id=TELEGRAM_ID, permissions={"telegram": ["bot.trade"], "web": ["*"]})


def log_in(text, *, client=None, transport="bearer", **extra):
    return (client or APIClient()).post(LOGIN, {"init_data": text, "transport": transport}, format="json", **extra)


def stores(world):
    """Sessions in both stores, and what else a login could have left."""
    rows = world.superuser("identity").execute("SELECT id, user_id, application_context FROM sessions").fetchall()
    with world.redis() as redis:
        return rows, sorted(redis.keys("identity:session:*")), sorted(redis.keys("cache:telegram:*"))


def refused(answer, status, code):
    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, code)
    assert set(said) == {"code", "message", "details"}
    assert not answer.cookies
    return said["message"]


def test_a_linked_person_gets_a_session_of_this_context_and_of_no_other(world, linked, as_context):
    answer = log_in(init_data(TELEGRAM_ID))
    assert answer.status_code == 200
    said = answer.json()
    assert said["application_context"] == "telegram"
    assert said["user"] == {
        "id": str(linked.pk),
        "email": linked.email,
        "email_verified": True,
        "permissions": ["bot.trade"],
    }
    assert not answer.cookies
    rows, keys, _ = stores(world)
    assert rows == [(stored_id(said["session_key"]), linked.pk, "telegram")]
    assert keys == [f"identity:session:telegram:{rows[0][0]}".encode()]
    headers = {"Authorization": f"Bearer {said['session_key']}"}
    assert Client().get(ME, headers=headers).status_code == 200
    with as_context("web"):
        assert Client().get(ME, headers=headers).status_code == 401


def test_the_session_notes_where_it_was_opened(world, linked):
    log_in(init_data(TELEGRAM_ID), REMOTE_ADDR="192.0.2.9", headers={"User-Agent": "Telegram-Android/11"})
    found = world.superuser("identity").execute("SELECT host(ip_address::inet), user_agent FROM sessions").fetchall()
    assert found == [("192.0.2.9", "Telegram-Android/11")]


def test_a_cookie_login_sets_the_contexts_own_cookies_and_hides_the_key(world, linked):
    client = APIClient(enforce_csrf_checks=True)
    answer = log_in(init_data(TELEGRAM_ID), client=client, transport="cookie")
    assert answer.json()["session_key"] is None
    assert set(answer.cookies) == {"exchanger_telegram_session", "exchanger_telegram_csrf"}
    assert client.get(ME).status_code == 200
    assert client.post("/api/v1/auth/logout").status_code == 403
    token = client.cookies["exchanger_telegram_csrf"].value
    assert client.post("/api/v1/auth/logout", headers={"X-CSRFToken": token}).status_code == 204
    assert stores(world)[0] == []


def test_the_same_data_opens_one_session_however_it_is_written(world, linked):
    text = init_data(TELEGRAM_ID)
    assert log_in(text).status_code == 200
    before = stores(world)
    for again in (text, "&".join(reversed(text.split("&")))):
        assert "has opened a session already" in refused(log_in(again), 401, "authentication_failed")
    assert stores(world)[0] == before[0]
    assert log_in(init_data(TELEGRAM_ID, query_id="another")).status_code == 200


def test_of_parallel_logins_with_the_same_data_one_opens_a_session(world, linked):
    text = init_data(TELEGRAM_ID)
    found = in_threads(*[lambda: log_in(text).status_code for _ in range(8)])
    assert sorted(found) == [200] + [401] * 7
    assert len(stores(world)[0]) == 1


def test_what_was_used_is_remembered_for_as_long_as_it_could_be_used(world, linked):
    log_in(init_data(TELEGRAM_ID, age=3000))
    with world.redis() as redis:
        (key,) = redis.keys("cache:telegram:init_data:*")
        assert 590 < redis.ttl(key) <= 600


@pytest.mark.parametrize(
    "made",  # when the test runs: what is from the future now is not so minutes later
    [
        lambda: "nonsense",
        lambda: init_data(TELEGRAM_ID, age=4000),
        lambda: init_data(TELEGRAM_ID, age=-300),
        lambda: signed(fields_of(TELEGRAM_ID), token="987654321:another-bot"),
        lambda: init_data(TELEGRAM_ID).replace("5001", "5002"),
    ],
    ids=["nonsense", "too old", "from the future", "another bot's", "another person's"],
)
def test_what_telegram_did_not_sign_for_us_just_now_is_refused_and_leaves_nothing(world, linked, made):
    refused(log_in(made()), 401, "authentication_failed")
    rows, keys, left = stores(world)
    assert (rows, keys) == ([], [])
    assert [key.split(b":")[2:4] for key in left] == [[b"throttle", b"login-telegram"]]


@pytest.mark.parametrize("sent", [{}, {"init_data": ""}, {"init_data": "x" * 5000}, {"init_data": "\0"}, [], "text"])
def test_a_malformed_login_is_a_400_in_the_one_shape_and_leaves_nothing(world, sent):
    refused(APIClient().post(LOGIN, sent, format="json"), 400, "invalid")
    assert stores(world) == ([], [], [])


def test_who_has_not_linked_an_account_is_told_how_and_may_use_the_data_once_it_is_linked(world):
    text = init_data(TELEGRAM_ID)
    assert "/link" in refused(log_in(text), 403, "not_linked")
    assert stores(world) == ([], [], [])
    UserFactory(profile__telegram_user_id=TELEGRAM_ID)
    assert log_in(text).status_code == 200


def test_without_a_token_the_answer_says_what_to_set(world, settings, linked):
    settings.TELEGRAM_BOT_TOKEN = ""
    forged = signed(fields_of(TELEGRAM_ID), token="")
    assert "TELEGRAM_BOT_TOKEN" in refused(log_in(forged), 503, "not_configured")
    assert stores(world) == ([], [], [])


def test_an_address_that_failed_too_often_is_refused_whatever_it_brings(world, linked):
    fail(LOGIN_TELEGRAM, "192.0.2.1", LOGIN_TELEGRAM.free - 1)
    text = init_data(TELEGRAM_ID)
    refused(log_in("nonsense", REMOTE_ADDR="192.0.2.1"), 401, "authentication_failed")
    before = stores(world)
    answer = log_in(text, REMOTE_ADDR="192.0.2.1")
    refused(answer, 429, "throttled")
    assert answer.headers["Retry-After"] == str(answer.json()["details"]["retry_after"])
    assert stores(world) == before
    assert log_in(text, REMOTE_ADDR="192.0.2.2").status_code == 200
    pass_seconds(world, 900)
    assert log_in(init_data(TELEGRAM_ID, query_id="later"), REMOTE_ADDR="192.0.2.1").status_code == 200
    assert counters(world) == {}


def test_while_redis_is_frozen_a_process_remembers_by_itself_what_was_used(world, settings, linked):
    settings.REDIS_PROBE_SECONDS = 3600.0
    text = init_data(TELEGRAM_ID)
    with frozen_redis(world):
        assert log_in(text).status_code == 200
        refused(log_in(text), 401, "authentication_failed")
    assert access.circuit.is_open
    assert len(stores(world)[0]) == 1


def test_the_bot_opens_a_session_for_a_linked_person_and_for_nobody_else(world, linked):
    key = telegram_session_open(telegram_user_id=TELEGRAM_ID).session_key
    assert [row[1:] for row in stores(world)[0]] == [(linked.pk, "telegram")]
    assert Client().get(ME, headers={"Authorization": f"Bearer {key}"}).json()["id"] == str(linked.pk)
    before = stores(world)
    with pytest.raises(NotLinked):
        telegram_session_open(telegram_user_id=TELEGRAM_ID + 1)
    assert stores(world) == before


@pytest.mark.parametrize("context", ["web", "admin"])
def test_no_other_application_opens_sessions_on_telegrams_word(world, linked, as_context, context):
    with as_context(context):
        with pytest.raises(ForeignContext):
            telegram_session_open(telegram_user_id=TELEGRAM_ID)
        with pytest.raises(ForeignContext):
            telegram_login(init_data=init_data(TELEGRAM_ID), origin=Origin())
    assert stores(world) == ([], [], [])
