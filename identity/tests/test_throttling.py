"""Guessing is slow, however it is done; and nobody can be locked out by it for long."""

import logging

import pytest
from django.db import OperationalError
from django.test import Client

from exchanger.kernel.cache import access
from exchanger.kernel.origin import Origin
from exchanger.kernel.throttled import Throttled
from exchanger.testing.outages import frozen_redis
from identity.services.sessions import session_open
from identity.services.throttling import (
    LOGIN_ACCOUNT,
    LOGIN_ADDRESS,
    LOGIN_PAIR,
    PUBLIC_ADDRESS,
    PUBLIC_TARGET,
    network_of,
    throttle_public,
)
from identity.tests.accounts import in_threads
from identity.tests.factories import UserFactory
from identity.tests.guesses import LOGIN, counters, fail, guess, log_in, pass_seconds

pytestmark = pytest.mark.context("web")
SLOW = 10  # seconds that a busy machine may take over a few passwords
DEVICE = "exchanger_web_device"
known_or_not = pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])


def email_of(known):
    return UserFactory().email if known else "nobody@example.com"


def addresses(number):
    return (f"203.0.113.{n}" for n in range(1, number + 1))


def fill_account(email):
    """Let as many fail, from anywhere, as the account's counter grants."""
    fail(LOGIN_ACCOUNT, email)


def sessions(world):
    with world.redis() as redis:
        keys = redis.keys("identity:session:*")
    return world.superuser("identity").execute("SELECT id FROM sessions").fetchall(), keys


# --- What a stranger may do


@known_or_not
def test_after_five_failures_on_an_account_its_address_waits_ever_longer(world, known):
    email, waits = email_of(known), []
    for _ in range(LOGIN_PAIR.free):
        assert guess(email).status_code == 401
    for _ in range(7):
        refused = guess(email)
        assert refused.status_code == 429
        waits.append(refused.json()["details"]["retry_after"])
        pass_seconds(world, waits[-1])
        assert guess(email).status_code == 401
    assert waits == pytest.approx([30, 60, 120, 240, 480, 900, 900], abs=SLOW)


@known_or_not
def test_a_refusal_has_the_one_shape_and_leaves_nothing(world, known, hashes):
    email = email_of(known)
    for _ in range(LOGIN_PAIR.free):
        guess(email)
    before, looked = (counters(world), sessions(world)), hashes.done()
    for answer in (guess(email, transport="cookie"), log_in(email, transport="cookie")):
        assert answer.status_code == 429
        wait = answer.json()["details"]["retry_after"]
        assert wait == pytest.approx(30, abs=SLOW)
        assert answer.json() == {
            "code": "throttled",
            "message": f"Too many attempts: try again in {wait} seconds.",
            "details": {"retry_after": wait},
        }
        assert answer.headers["Retry-After"] == str(wait)
        assert not answer.cookies
    assert (counters(world), sessions(world)) == before
    assert looked == LOGIN_PAIR.free
    assert hashes.done() == 0


def test_an_address_that_failed_on_many_accounts_is_refused_until_its_window_ends(world):
    for number in range(LOGIN_ADDRESS.free):
        assert guess(f"person{number}@example.org").status_code == 401
    user = UserFactory()
    refused = log_in(user.email)
    assert refused.status_code == 429
    assert 800 < refused.json()["details"]["retry_after"] <= 900
    assert log_in(user.email, address="198.51.100.2").status_code == 200
    pass_seconds(world, 900)
    assert log_in(user.email).status_code == 200


def test_an_ipv6_subscriber_is_one_address_whatever_the_lower_half_is():
    fail(LOGIN_ADDRESS, "2001:db8:0:1::/64", LOGIN_ADDRESS.free - 2)
    for number in range(2):
        assert guess(f"person{number}@example.org", address=f"2001:db8:0:1::{number:x}").status_code == 401
    assert guess("person@example.org", address="2001:db8:0:1:ffff::1").status_code == 429
    assert guess("person@example.org", address="2001:db8:0:2::1").status_code == 401


@known_or_not
def test_an_account_that_many_addresses_guess_at_grants_strangers_one_attempt_a_minute(world, known):
    email = email_of(known)
    fill_account(email)
    refused = guess(email, address="192.0.2.1")
    assert refused.status_code == 429
    assert refused.json()["details"]["retry_after"] == pytest.approx(60, abs=SLOW)
    assert guess("somebody.else@example.com", address="192.0.2.1").status_code == 401
    pass_seconds(world, 60)
    assert guess(email, address="192.0.2.1").status_code == 401
    assert guess(email, address="192.0.2.2").status_code == 429


@known_or_not
@pytest.mark.parametrize("spread", [False, True], ids=["one address", "many addresses"])
def test_parallel_guesses_get_no_more_tries_than_the_limit(known, spread, hashes):
    email = email_of(known)
    number, allowed = 16, LOGIN_PAIR.free
    if spread:
        fail(LOGIN_ACCOUNT, email, LOGIN_ACCOUNT.free - allowed)
    places = list(addresses(number)) if spread else ["198.51.100.1"] * number
    found = in_threads(*[lambda place=place: guess(email, address=place).status_code for place in places])
    assert sorted(found) == [401] * allowed + [429] * (number - allowed)
    assert hashes.done() == allowed


# --- What counts, and what does not


def test_a_login_that_succeeds_leaves_no_counter_and_ends_the_delays_of_its_pair(world):
    user = UserFactory()
    for _ in range(LOGIN_PAIR.free - 1):
        guess(user.email)
    assert log_in(user.email).status_code == 200
    assert sorted(int(count) for count in counters(world).values()) == [4, 4]  # the address, and the account
    assert {guess(user.email).status_code for _ in range(LOGIN_PAIR.free)} == {401}
    assert guess(user.email).status_code == 429


def test_successes_count_for_nothing_however_many(world):
    user = UserFactory()
    assert {log_in(user.email).status_code for _ in range(LOGIN_ADDRESS.free + 2)} == {200}
    assert counters(world) == {}


def test_an_attempt_that_is_refused_by_one_counter_is_counted_by_none(world):
    email = "nobody@example.com"
    fill_account(email)
    before = counters(world)
    assert guess(email, address="192.0.2.1").status_code == 429  # by the account's, which is asked last
    assert counters(world) == before


@pytest.mark.parametrize("wrong", ["lookup", "session"])
def test_an_attempt_that_a_database_breaks_off_is_given_back(world, monkeypatch, wrong):
    def break_off(*args, **kwargs):
        raise OperationalError("gone")

    user = UserFactory()
    target = "identity.backends.IdentityBackend.authenticate"
    if wrong == "session":
        fill_account(user.email)
        target = "identity.adapter.IdentityAdapter.find_session_addresses"
    before = counters(world)
    with monkeypatch.context() as patch:
        patch.setattr(target, break_off)
        assert log_in(user.email, address="192.0.2.1").status_code == 503
    assert counters(world) == before


def test_the_case_of_an_address_makes_no_other_account():
    for number in range(LOGIN_PAIR.free):
        guess("Person@Example.com" if number % 2 else "person@example.com")
    assert guess("PERSON@example.com").status_code == 429


def test_keys_name_nobody(world):
    guess("person@example.com")
    found = counters(world)
    assert {key.split(":")[3] for key in found} == {"login-address", "login-pair", "login-account"}
    assert not any("person" in key or "198.51" in key for key in found)
    with world.redis() as redis:
        assert all(0 < redis.ttl(key) <= 3600 for key in found)


def test_the_contexts_count_apart(as_context, world):
    email = "person@example.com"
    for _ in range(LOGIN_PAIR.free):
        guess(email)
    assert guess(email).status_code == 429
    with as_context("admin"):
        assert guess(email).status_code == 401


def test_a_lock_is_logged_once_and_the_line_names_nobody(caplog):
    caplog.set_level(logging.WARNING, "identity.services.throttling")
    for _ in range(LOGIN_PAIR.free + 3):
        guess("person@example.com", password="Tr0ub4dor")
    assert [record.message[:49] for record in caplog.records if record.name == "identity.services.throttling"] == [
        "Logins are held back: 5 failed (login-pair, count"
    ]
    assert "person" not in caplog.text
    assert "Tr0ub4dor" not in caplog.text


# --- Nobody is locked out by somebody else


def test_the_browser_in_which_the_owner_logged_in_is_not_held_by_what_others_do(world):
    user, browser = UserFactory(), Client()
    assert log_in(user.email, browser, transport="cookie", address="192.0.2.7").status_code == 200
    fill_account(user.email)
    fail(LOGIN_ADDRESS, "192.0.2.7")
    stranger = log_in(user.email, address="192.0.2.8")
    assert stranger.status_code == 429
    assert log_in(user.email, address="192.0.2.7").status_code == 429  # the same address without the browser's cookie
    assert log_in(user.email, browser, transport="cookie", address="192.0.2.7").status_code == 200


def test_the_owners_browser_has_its_own_counter_wherever_it_moves(hashes):
    user, browser = UserFactory(), Client()
    log_in(user.email, browser, transport="cookie")
    hashes.done()
    found = [guess(user.email, browser, address=address).status_code for address in addresses(LOGIN_PAIR.free + 3)]
    assert found == [401] * LOGIN_PAIR.free + [429] * 3
    assert hashes.done() == LOGIN_PAIR.free
    assert log_in(user.email, address="192.0.2.7").status_code == 200  # its failures are not the account's


def test_a_browser_is_known_for_its_own_account_alone():
    browser, victim = Client(), UserFactory()
    log_in(UserFactory().email, browser, transport="cookie")
    fill_account(victim.email)
    assert guess(victim.email, browser, address="192.0.2.1").status_code == 429


def test_the_cookie_of_a_browser_is_out_of_reach_of_scripts_and_opens_nothing(world):
    user, browser = UserFactory(), Client()
    cookie = log_in(user.email, browser, transport="cookie").cookies[DEVICE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] > 100 * 24 * 3600
    assert user.email not in cookie.value
    alone = Client()
    alone.cookies[DEVICE] = cookie.value
    assert alone.get("/api/v1/auth/me").status_code == 401


@pytest.mark.parametrize(
    "spoil", [lambda value: value[:-1], lambda value: "x" + value, lambda value: "", lambda value: "a:b:c"]
)
def test_a_cookie_that_we_did_not_sign_is_no_browser_of_ours(spoil):
    user, browser = UserFactory(), Client()
    log_in(user.email, browser, transport="cookie")
    browser.cookies[DEVICE] = spoil(browser.cookies[DEVICE].value)
    fill_account(user.email)
    assert log_in(user.email, browser, address="192.0.2.1").status_code == 429


def test_a_cookie_of_another_application_is_no_browser_of_ours(as_context):
    user, browser = UserFactory(permissions={"admin": ["*"]}), Client()
    with as_context("admin"):
        value = log_in(user.email, transport="cookie").cookies["exchanger_admin_device"].value
    browser.cookies[DEVICE] = value
    fill_account(user.email)
    assert log_in(user.email, browser, address="192.0.2.1").status_code == 429


@pytest.mark.parametrize(
    ("opened_at", "asks_from", "status"),
    [
        ("192.0.2.1", "192.0.2.1", 200),
        ("2001:db8:0:1::1", "2001:db8:0:1::2", 200),
        ("192.0.2.1", "192.0.2.2", 429),
        (None, "192.0.2.1", 429),
    ],
)
def test_an_address_from_which_the_account_has_a_living_session_is_not_held_by_the_accounts_counter(
    world, opened_at, asks_from, status
):
    user = UserFactory()
    session_open(user=user)
    world.superuser("identity").execute("UPDATE sessions SET ip_address = %s", (opened_at,))
    fill_account(user.email)
    before = counters(world)
    assert log_in(user.email, address=asks_from).status_code == status
    assert counters(world) == before


def test_a_session_that_has_ended_vouches_for_no_address(world):
    user = UserFactory()
    session_open(user=user)
    world.superuser("identity").execute("UPDATE sessions SET ip_address = '192.0.2.1', expires_at = now()")
    fill_account(user.email)
    assert log_in(user.email, address="192.0.2.1").status_code == 429


def test_an_address_that_an_account_vouches_for_still_has_its_own_delays(world):
    user = UserFactory()
    session_open(user=user)
    world.superuser("identity").execute("UPDATE sessions SET ip_address = '192.0.2.1'")
    fill_account(user.email)
    found = [guess(user.email, address="192.0.2.1").status_code for _ in range(LOGIN_PAIR.free + 1)]
    assert found == [401] * LOGIN_PAIR.free + [429]


# --- Redis out of reach


@known_or_not
def test_without_redis_guesses_are_counted_all_the_same(world, settings, known, hashes):
    settings.REDIS_PROBE_SECONDS = 3600.0
    email = email_of(known)
    with frozen_redis(world):
        found = [guess(email).status_code for _ in range(LOGIN_PAIR.free + 2)]
        parallel = in_threads(*[lambda n=n: guess(f"person{n}@example.org").status_code for n in range(20)])
    assert access.circuit.is_open
    assert found == [401] * LOGIN_PAIR.free + [429] * 2
    assert sorted(parallel) == [401] * (LOGIN_ADDRESS.free - LOGIN_PAIR.free) + [429] * LOGIN_PAIR.free
    assert hashes.done() == LOGIN_ADDRESS.free


def test_without_redis_the_right_password_still_opens(world, settings):
    settings.REDIS_PROBE_SECONDS = 3600.0
    user = UserFactory()
    with frozen_redis(world):
        guess(user.email)
        assert log_in(user.email).status_code == 200


# --- What else is open to everybody


def test_what_is_open_to_everybody_is_limited_by_address_and_by_whom_it_is_about(world):
    here, elsewhere = Origin("192.0.2.1"), Origin("192.0.2.2")
    for _ in range(PUBLIC_TARGET.free):
        throttle_public(action="password-reset", origin=here, email="A@example.com")
    before = counters(world)
    with pytest.raises(Throttled) as refusal:
        throttle_public(action="password-reset", origin=elsewhere, email="a@Example.com ")
    assert 3590 < refusal.value.retry_after <= 3600
    assert counters(world) == before
    for _ in range(PUBLIC_ADDRESS.free - PUBLIC_TARGET.free):
        throttle_public(action="password-reset", origin=here)
    with pytest.raises(Throttled):
        throttle_public(action="password-reset", origin=here)
    throttle_public(action="register", origin=here, email="a@example.com")
    throttle_public(action="password-reset", origin=elsewhere)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, "nowhere"),
    ],
)
def test_what_counts_as_one_address(address, network):
    assert network_of(Origin(address)) == network


def test_the_description_of_the_login_tells_of_the_refusal():
    operation = Client().get("/api/schema/?format=json").json()["paths"][LOGIN]["post"]
    assert "429" in operation["responses"]
