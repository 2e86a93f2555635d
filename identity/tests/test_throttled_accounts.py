"""What is open to everybody is limited, and so is guessing the password of an account whose session one holds."""

import pytest

from identity.services.throttling import PASSWORD_CHANGE, PUBLIC_ADDRESS, PUBLIC_TARGET
from identity.tests.accounts import AUTH, NEW_PASSWORD, bearer, everything, is_logged_in, post
from identity.tests.factories import PASSWORD, UserFactory
from identity.tests.guesses import counters, fail, pass_seconds

pytestmark = pytest.mark.context("web")
HERE = "127.0.0.1"
REGISTRATION = {"password": NEW_PASSWORD, "display_name": "Anna", "language": "en"}
OPEN = pytest.mark.parametrize(
    ("path", "action", "more"),
    [
        ("register", "register", REGISTRATION),
        ("email/resend", "resend_verification", {}),
        ("password/reset", "password_reset", {}),
    ],
)


@OPEN
@pytest.mark.parametrize("known", [True, False])
def test_mails_to_one_address_are_limited_whoever_asks_and_the_refusal_does_nothing(world, path, action, more, known):
    email = UserFactory().email if known else "nobody@example.com"
    fail(PUBLIC_TARGET, f"{action} {email}", PUBLIC_TARGET.free - 1)
    assert post(path, {"email": email, **more}).status_code == 202
    before = everything(world), counters(world)
    refused = post(path, {"email": email.upper(), **more})
    assert refused.status_code == 429
    assert refused.json()["code"] == "throttled"
    assert 3000 < int(refused.headers["Retry-After"]) <= 3600
    assert (everything(world), counters(world)) == before


@OPEN
def test_one_address_asks_only_so_often_for_whomever(world, path, action, more):
    fail(PUBLIC_ADDRESS, f"{action} {HERE}", PUBLIC_ADDRESS.free - 1)
    assert post(path, {"email": "first@example.com", **more}).status_code == 202
    before = everything(world), counters(world)
    assert post(path, {"email": "second@example.com", **more}).status_code == 429
    assert (everything(world), counters(world)) == before


def change(client, current):
    answer = client.post(f"{AUTH}password/change", {"current_password": current, "new_password": NEW_PASSWORD})
    return answer.status_code


def test_who_holds_a_session_cannot_guess_its_password(world, hashes):
    user = UserFactory()
    taken = bearer(user)
    hashes.done()
    assert [change(taken, f"guess {number}") for number in range(PASSWORD_CHANGE.free)] == [400] * PASSWORD_CHANGE.free
    assert hashes.done() == PASSWORD_CHANGE.free
    before = everything(world), counters(world)
    assert change(taken, PASSWORD) == 429
    assert change(bearer_again := bearer(user), PASSWORD) == 429  # another of the person's sessions
    assert hashes.done() == 0
    assert is_logged_in(bearer_again)
    assert counters(world) == before[1]
    pass_seconds(world, 30)
    assert change(taken, PASSWORD) == 200
    assert counters(world) == {}


def test_a_new_password_that_is_too_weak_is_no_guess(world):
    client = bearer(UserFactory())
    answer = client.post(f"{AUTH}password/change", {"current_password": PASSWORD, "new_password": "1234"})
    assert answer.status_code == 400
    assert counters(world) == {}
