"""The card processor's calls: signed, fresh, obeyed once; and whatever is refused has changed nothing."""

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from exchanger.kernel.signing import sign
from web.models import ProviderEvent
from web.payments.card import WINDOW_SECONDS
from web.services.charges import KEEP_EVENTS, PURGE_BATCH, provider_events_purge
from web.tests.factories import OrderFactory, PaymentFactory
from web.tests.money import everything, order_status, payments, verified

pytestmark = pytest.mark.context("web")
URL = "/api/v1/payments/webhooks/card/"


@pytest.fixture
def payment(publish):
    publish()
    return PaymentFactory(payment_method="card", reference=None)


def event(payment, event_id="evt_1", kind="charge.succeeded", **changes):
    charge = {
        "id": "ch_1",
        "payment_id": str(payment.pk),
        "status": kind.partition(".")[2],
        "amount": "100.00",
        "currency": "USD",
        "received_at": datetime.now(UTC).isoformat(),
    }
    return {"id": event_id, "type": kind, "charge": charge | changes}


def call(settings, content, *, secret=None, at=None, **headers):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    timestamp = str(int(time.time() if at is None else at))
    secret = settings.CARD_PROCESSOR_SECRET if secret is None else secret
    signed = {"X-Timestamp": timestamp, "X-Signature": sign(body, secret=secret, timestamp=timestamp)}
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(URL, body, "application/json", headers={**signed, **headers})


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "details"}


def test_a_call_needs_no_session_and_no_csrf_token_and_makes_no_cookie(payment, settings):
    answer = call(settings, event(payment))
    assert (answer.status_code, answer.json()) == (200, {"new": True})
    assert not answer.cookies
    assert payments(payment.order) == [("succeeded", Decimal(100))]
    verified()


def test_a_call_again_is_accepted_and_obeyed_no_second_time(payment, settings):
    call(settings, event(payment))
    before = everything()
    assert call(settings, event(payment, amount="70.00")).json() == {"new": False}
    assert everything() == before


def test_a_decline_after_the_success_and_a_success_after_a_decline(payment, settings):
    call(settings, event(payment, "evt_1", "charge.declined", received_at=None))
    assert payments(payment.order) == [("failed", Decimal(100))]
    call(settings, event(payment, "evt_2"))
    call(settings, event(payment, "evt_3", "charge.declined", received_at=None))
    assert (order_status(payment.order), payments(payment.order)) == ("paid", [("succeeded", Decimal(100))])
    verified()


def test_another_success_of_the_same_charge_changes_nothing(payment, settings):
    call(settings, event(payment, "evt_1"))
    before = everything()
    assert call(settings, event(payment, "evt_2", amount="40.00")).json() == {"new": True}
    assert everything() == before


def test_what_is_still_under_way_and_what_is_no_charge_change_nothing(payment, settings):
    before = everything()
    assert call(settings, event(payment, "evt_1", "charge.pending", received_at=None)).json() == {"new": True}
    assert call(settings, {"id": "evt_2", "type": "payout.sent"}).json() == {"new": True}
    assert everything() == before


@pytest.mark.parametrize("secret", ["", "another"])
def test_another_secret(secret, payment, settings):
    before = everything()
    refused(call(settings, event(payment), secret=secret), 401, "wrong_signature")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


@pytest.mark.parametrize("away", [-WINDOW_SECONDS - 5, WINDOW_SECONDS + 5])
def test_a_call_signed_too_long_ago_or_ahead(away, payment, settings):
    before = everything()
    refused(call(settings, event(payment), at=time.time() + away), 401, "wrong_signature")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    "headers", [{"X-Timestamp": ""}, {"X-Timestamp": "now"}, {"X-Signature": ""}, {"X-Signature": "ñ" * 64}]
)
def test_headers_that_are_not_what_was_signed(headers, payment, settings):
    before = everything()
    refused(call(settings, event(payment), **headers), 401, "wrong_signature")
    assert everything() == before


def test_a_body_that_was_changed_on_its_way(payment, settings):
    body = json.dumps(event(payment)).encode()
    timestamp = str(int(time.time()))
    signature = sign(body, secret=settings.CARD_PROCESSOR_SECRET, timestamp=timestamp)
    headers = {"X-Timestamp": timestamp, "X-Signature": signature}
    before = everything()
    answer = Client().post(URL, body.replace(b"100.00", b"999.00"), "application/json", headers=headers)
    refused(answer, 401, "wrong_signature")
    assert everything() == before


def test_a_signature_over_another_end_of_the_timestamp(payment, settings):
    head, body = json.dumps(event(payment)).encode().split(b".", 1)
    timestamp = str(int(time.time()))
    signature = sign(head + b"." + body, secret=settings.CARD_PROCESSOR_SECRET, timestamp=timestamp)
    headers = {"X-Timestamp": f"{timestamp}.{head.decode()}", "X-Signature": signature}
    before = everything()
    client = Client(raise_request_exception=False)
    refused(client.post(URL, body, "application/json", headers=headers), 401, "wrong_signature")
    assert everything() == before


def test_where_no_secret_is_set_nobody_is_believed(payment, settings):
    settings.CARD_PROCESSOR_SECRET = ""
    before = everything()
    refused(call(settings, event(payment)), 401, "wrong_signature")
    assert everything() == before


WRONG = [
    b"",
    b"[]",
    b"{",
    b"\xff",
    {"id": 7, "type": "charge.succeeded"},
    {"id": "", "type": "charge.succeeded"},
    {"id": "e" * 101, "type": "charge.succeeded"},
    {"id": "evt_\x00", "type": "payout.sent"},
    {"id": "evt_1", "type": "charge.succeeded"},
    {"id": "evt_1", "type": "charge.succeeded", "charge": []},
]
WRONG_CHARGES = [
    {"amount": 100},
    {"amount": "0"},
    {"amount": "-1"},
    {"amount": "NaN"},
    {"amount": "1e30"},
    {"amount": "0.000000001"},
    {"id": "ch_\x00"},
    {"received_at": "9999-12-31T23:59:59-14:00"},
    {"received_at": None},
    {"received_at": "2026-01-01T00:00:00"},
    {"received_at": "yesterday"},
    {"status": "unheard-of"},
    {"payment_id": "none"},
]


@pytest.mark.parametrize("content", WRONG)
def test_a_signed_call_that_cannot_be_read(content, payment, settings):
    before = everything()
    refused(call(settings, content), 400, "invalid")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


@pytest.mark.parametrize("changes", WRONG_CHARGES)
def test_a_charge_that_cannot_be_read(changes, payment, settings):
    before = everything()
    refused(call(settings, event(payment, **changes)), 400, "invalid")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


def test_a_payment_that_is_not_here_is_not_acknowledged_and_may_be_told_again(payment, settings):
    missing = event(payment, payment_id=str(uuid.uuid4()))
    transfer = event(PaymentFactory())
    before = everything()
    for content in (missing, transfer):
        refused(call(settings, content), 404, "unknown_payment")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


def test_money_in_another_currency_is_not_booked(payment, settings):
    before = everything()
    refused(call(settings, event(payment, currency="EUR")), 409, "wrong_currency")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


def test_less_than_a_cent_is_not_booked(payment, settings):
    before = everything()
    refused(call(settings, event(payment, amount="100.001")), 409, "wrong_amount")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


def test_a_charge_of_another_payment_is_not_booked(payment, settings):
    other = PaymentFactory(payment_method="card")
    call(settings, event(payment))
    before = everything()
    refused(call(settings, event(other, "evt_2")), 409, "reference_known")
    assert everything() == before
    assert ProviderEvent.objects.count() == 1


def test_a_booking_that_fails_leaves_the_call_to_come_again(payment, settings, world):
    world.superuser("web").execute("DELETE FROM published_configuration")
    before = everything()
    refused(call(settings, event(payment, amount="30.00")), 503, "not_configured")
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)


def test_only_post(settings):
    assert Client().get(URL).status_code == 405


# BEGIN and COMMIT included; three savepoints take two each.
QUERIES = {"new": 24, "again": 6}


def test_how_many_statements_a_call_takes(payment, settings):
    call(settings, event(PaymentFactory(payment_method="card"), "evt_0", id="ch_0"))  # whatever a first call prepares
    for name, most in QUERIES.items():
        with CaptureQueriesContext(connections["web"]) as queries:
            call(settings, event(payment))
        assert len(queries) == most, (name, [query["sql"] for query in queries])


def test_calls_of_a_month_ago_are_forgotten_in_batches(payment, settings, world):
    call(settings, event(payment))
    world.superuser("web").execute(
        "INSERT INTO provider_events (provider, event_id, created_at)"
        " SELECT 'card', n, now() - %s FROM generate_series(1, %s) n",
        (KEEP_EVENTS + timedelta(minutes=1), PURGE_BATCH + 1),
    )
    assert provider_events_purge() == PURGE_BATCH + 1
    assert [known.event_id for known in ProviderEvent.objects.all()] == ["evt_1"]


def test_a_late_order_is_not_paid_by_a_call(settings, publish):
    publish()
    expiry = datetime.now(UTC) - timedelta(minutes=1)
    order = OrderFactory(status="expired", expires_at=expiry)
    payment = PaymentFactory(order=order, payment_method="card")
    call(settings, event(payment, received_at=(expiry + timedelta(microseconds=1)).isoformat()))
    assert (order_status(order), payments(order)) == ("expired", [("succeeded", Decimal(100))])
    in_time = PaymentFactory(order=order, payment_method="card")
    call(settings, event(in_time, "evt_2", id="ch_2", received_at=expiry.isoformat()))
    assert order_status(order) == "paid"
    verified()
