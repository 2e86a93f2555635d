"""Who guesses at a secret learns nothing from how long the refusal takes: what came is compared in constant time."""

import hmac

import pytest
from django.test import RequestFactory

from bot.api.events import receive_event
from bot.api.webhook import SECRET_HEADER, receive_update
from exchanger.kernel.acting import ActingToken, Call
from exchanger.kernel.events import SIGNATURE_HEADER, TIMESTAMP_HEADER
from identity.init_data import InvalidInitData, verify_init_data

pytestmark = pytest.mark.context("telegram")
GUESS = "0123456789abcdef" * 4


@pytest.fixture
def compared(monkeypatch):
    """What was compared by ``hmac.compare_digest``, as text."""
    seen, compare = set(), hmac.compare_digest

    def spy(*both):
        seen.update(each if isinstance(each, str) else each.decode() for each in both)
        return compare(*both)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    return seen


def test_the_webhooks_secret(compared, settings):
    settings.TELEGRAM_WEBHOOK_SECRET = "ours"
    request = RequestFactory().post("/", b"{}", content_type="application/json", headers={SECRET_HEADER: GUESS})
    assert receive_update(request).status_code == 401
    assert compared == {GUESS, "ours"}


def test_the_signature_of_an_event(compared):
    headers = {SIGNATURE_HEADER: GUESS, TIMESTAMP_HEADER: "1790000000"}
    assert (
        receive_event(RequestFactory().post("/", b"{}", content_type="application/json", headers=headers)).status_code
        == 401
    )
    assert GUESS in compared


def test_the_signature_of_a_token_for_one_request(compared):
    text = f"1790000000.{'0' * 32}.{'1' * 32}.7001.{GUESS}"
    assert ActingToken.verified(text, Call("GET", "/"), secret="ours") is None
    assert GUESS in compared


def test_the_hash_of_init_data(compared):
    with pytest.raises(InvalidInitData):
        verify_init_data(f"auth_date=1790000000&hash={GUESS}", token="1:ours")
    assert GUESS in compared
