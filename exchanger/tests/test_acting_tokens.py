"""A token is good for the request that it was signed for, by the holder of the secret, for a minute."""

import uuid
from dataclasses import replace

import pytest

from exchanger.kernel.acting import LIFE_SECONDS, ActingToken, Call

SECRET = "a secret of the tests"
CALL = Call("POST", "/api/v1/orders/?a=1&b=%20", b'{"quote_id":"1"}', "key-1")
NOW = 1_800_000_000.0


def token(**changes):
    made = ActingToken.make(user_id=uuid.uuid4(), telegram_user_id=2**62)
    return replace(made, **changes)


def verified(text, call=CALL, *, secret=SECRET, now=NOW):
    return ActingToken.verified(text, call, secret=secret, now=now)


def test_the_receiver_learns_who_acts_through_which_account():
    made = token()
    assert verified(made.sign(CALL, secret=SECRET, now=NOW)) == made


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, method="GET"),
        replace(CALL, path="/api/v1/orders/?a=1"),
        replace(CALL, path="/api/v1/quotes/?a=1&b=%20"),
        replace(CALL, body=b'{"quote_id":"2"}'),
        replace(CALL, body=b""),
        replace(CALL, key="key-2"),
        replace(CALL, key=""),
        replace(CALL, method="POS", path="T/api/v1/orders/?a=1&b=%20"),
    ],
)
def test_for_any_other_request_it_is_worth_nothing(other):
    assert verified(token().sign(CALL, secret=SECRET, now=NOW), other) is None


@pytest.mark.parametrize("part", range(5))
def test_no_part_of_it_can_be_changed(part):
    parts = token().sign(CALL, secret=SECRET, now=NOW).split(".")
    last = parts[part][-1]
    parts[part] = parts[part][:-1] + ("1" if last != "1" else "2")
    assert verified(".".join(parts)) is None


def test_parts_of_two_tokens_make_no_third():
    one, two = (token().sign(CALL, secret=SECRET, now=NOW).split(".") for _ in range(2))
    for part in range(1, 5):
        mixed = [*one[:part], two[part], *one[part + 1 :]]
        assert (verified(".".join(mixed)) is None) == (mixed not in (one, two))


@pytest.mark.parametrize(
    ("age", "good"), [(0, True), (LIFE_SECONDS, True), (-LIFE_SECONDS, True), (61, False), (-61, False)]
)
def test_it_lives_a_minute_by_either_clock(age, good):
    text = token().sign(CALL, secret=SECRET, now=NOW - age)
    assert (verified(text) is not None) == good


def test_another_secret_signs_nothing():
    assert verified(token().sign(CALL, secret="another", now=NOW)) is None


@pytest.mark.parametrize("text", ["", ".", "x" * 5000, "1.2.3.4.5", "\0", "é" * 64, "9" * 400])
def test_what_is_no_token_is_refused_without_a_fuss(text):
    assert verified(text) is None


def test_no_two_tokens_are_the_same():
    person = uuid.uuid4()
    texts = {
        ActingToken.make(user_id=person, telegram_user_id=1).sign(CALL, secret=SECRET, now=NOW) for _ in range(1000)
    }
    assert len(texts) == 1000
