"""What the body of a request may hold, whoever sends it."""

import json

import pytest

from exchanger.kernel.parsing import DEEPEST

pytestmark = pytest.mark.context("web")
LOGIN = "/api/v1/auth/login"


def nested(levels, opens="[", closes="]"):
    return f'{{"email": {opens * (levels - 1)}1{closes * (levels - 1)}, "password": "x"}}'


@pytest.mark.parametrize(
    "body",
    [
        nested(DEEPEST + 1),
        nested(600),
        nested(100_000),
        nested(DEEPEST + 1, '{"a":', "}"),
        '{"email": "\\ud800@example.com", "password": "x"}',
        '{"\\udfff": 1}',
        '[["a", "\\ud800"]]',
        '{"email": 1e400}',
        '{"email": [-1e400]}',
        '{"email": NaN}',
    ],
    ids=lambda body: body[:30],
)
def test_what_nothing_can_hold_is_no_json(client, body):
    answer = client.post(LOGIN, body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


@pytest.mark.parametrize("email", [nested(DEEPEST), json.dumps({"email": "😀"}), '{"email": 1e300}'])
def test_all_else_comes_to_whoever_asked_for_it(client, email):
    assert client.post(LOGIN, email, "application/json").json()["code"] == "invalid"
