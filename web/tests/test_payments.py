"""Attempts to pay over HTTP: whose they are, how they begin, and each refusal under its own name."""

import uuid
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.models import IdempotencyKey, Payment
from web.services.payments import MOST_PENDING
from web.tests.factories import OrderFactory, PaymentFactory, RefundFactory
from web.tests.money import everything

pytestmark = pytest.mark.context("web")
ACCOUNT = {"recipient": "Exchanger LLC", "iban": "UA903052992990004149123456789", "bank": "PrivatBank"}
URL = "/api/v1/payments/"


def bearer(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


@pytest.fixture
def anna():
    return UserFactory()


@pytest.fixture
def client(anna, publish):
    publish(bank_accounts={"usd": ACCOUNT})
    return bearer(anna)


@pytest.fixture
def order(anna):
    return OrderFactory(user_id=anna.pk, expires_at=timezone.now() + timedelta(minutes=10))


def payments_url(order_id):
    return f"/api/v1/orders/{order_id}/payments/"


def start(client, order_id, method="bank_transfer", key="k-1"):
    body = {"payment_method": method}
    return client.post(payments_url(order_id), body, "application/json", headers={"Idempotency-Key": key})


def test_a_transfer_is_told_where_and_under_which_purpose(client, order):
    answer = start(client, order.pk)
    assert answer.status_code == 201, answer.json()
    found, payment = answer.json(), Payment.objects.get()
    assert found["instructions"] == {
        **ACCOUNT,
        "amount": "100.00",
        "currency": "USD",
        "purpose": payment.reference,
    }
    assert len(payment.reference) == 17
    shown = {name: found[name] for name in ("id", "order_id", "payment_method", "amount", "currency", "status")}
    assert shown == {
        "id": str(payment.pk),
        "order_id": str(order.pk),
        "payment_method": "bank_transfer",
        "amount": "100.00",
        "currency": "USD",
        "status": "pending",
    }
    assert (found["refunds"], found["received_at"], found["reference"]) == ([], None, payment.reference)
    assert client.get(f"{URL}{payment.pk}/").json() == found
    assert client.get(payments_url(order.pk)).json()["results"] == [found]


def test_a_card_is_led_to_the_processors_page(client, order, settings):
    settings.CARD_PROCESSOR_URL = "https://cards.example/pay/"
    found = start(client, order.pk, "card").json()
    link = urlsplit(found["instructions"]["checkout_url"])
    assert (link.scheme, link.netloc, link.path) == ("https", "cards.example", "/pay/checkout")
    assert found["reference"] is None


def test_the_same_request_again_is_the_same_payment(client, order):
    first, again = start(client, order.pk), start(client, order.pk)
    assert (again.status_code, again.content) == (201, first.content)
    assert start(client, order.pk, key="k-2").json()["reference"] != first.json()["reference"]
    assert Payment.objects.count() == 2


def refused(client, order_id, status, code, method="bank_transfer"):
    before = everything()
    answer = start(client, order_id, method)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (everything(), IdempotencyKey.objects.count()) == (before, 0)
    return answer.json()


def test_anothers_order_and_none_are_not_there(client):
    other = OrderFactory()
    payment = PaymentFactory(order=other)
    for order_id in (other.pk, uuid.uuid4()):
        refused(client, order_id, 404, "not_found")
        assert client.get(payments_url(order_id)).status_code == 404
    assert client.get(f"{URL}{payment.pk}/").status_code == 404
    assert client.get(URL).json()["results"] == []


@pytest.mark.parametrize("status", ["paid", "processing", "completed", "cancelled", "expired", "failed", "refunded"])
def test_only_a_pending_order_is_paid_for(status, client, anna):
    found = refused(client, OrderFactory(user_id=anna.pk, status=status).pk, 409, "order_not_pending")
    assert found["details"] == {"status": status}


def test_an_order_past_its_time_is_not_paid_for(client, anna):
    past = timezone.now() - timedelta(seconds=1)
    refused(client, OrderFactory(user_id=anna.pk, expires_at=past).pk, 409, "order_expired")


def test_what_is_not_offered_for_the_currency(client, anna, settings):
    settings.CARD_PROCESSOR_URL = "https://cards.example"
    bitcoin = OrderFactory(user_id=anna.pk, from_currency="BTC", amount=Decimal("0.5"))
    euro = OrderFactory(user_id=anna.pk, from_currency="EUR")
    for method in ("card", "bank_transfer"):
        refused(client, bitcoin.pk, 400, "payment_method_unavailable", method)
    found = refused(client, euro.pk, 400, "payment_method_unavailable")
    assert found["details"] == {"offered": ["card"]}


def test_without_a_processor_nobody_pays_by_card(client, order, settings):
    settings.CARD_PROCESSOR_URL = ""
    found = refused(client, order.pk, 400, "payment_method_unavailable", "card")
    assert found["details"] == {"offered": ["bank_transfer"]}


@pytest.mark.parametrize("method", ["cash", "", None, 7])
def test_a_method_that_nobody_knows(method, client, order):
    refused(client, order.pk, 400, "invalid", method)


def test_so_many_at_a_time_and_no_more(client, order):
    PaymentFactory.create_batch(MOST_PENDING, order=order)
    refused(client, order.pk, 409, "too_many_payments")
    Payment.objects.filter(pk=Payment.objects.first().pk).update(status="failed")
    assert start(client, order.pk).status_code == 201


def test_where_nothing_is_published(order, anna):
    refused(bearer(anna), order.pk, 503, "not_configured")


def test_a_key_and_a_session_are_needed(client, order):
    before = everything()
    body = {"payment_method": "bank_transfer"}
    assert client.post(payments_url(order.pk), body, "application/json").json()["code"] == "idempotency_key_required"
    assert start(Client(), order.pk).status_code == 401
    assert Client().get(URL).status_code == 401
    assert everything() == before


def test_ones_own_payments_with_their_refunds_by_filter(client, anna, order):
    pending = PaymentFactory(order=order)
    held = PaymentFactory(order=order, amount=Decimal(60), status="succeeded", payment_method="card")
    refund = RefundFactory(payment=held, status="approved", reason="It was less than the order's amount.")
    RefundFactory()
    found = client.get(URL).json()["results"]
    assert [payment["id"] for payment in found] == [str(held.pk), str(pending.pk)]
    [shown] = found[0]["refunds"]
    assert (shown["id"], shown["amount"], shown["status"]) == (str(refund.pk), "60.00", "approved")
    for query, expected in {
        "status=pending": [pending],
        "status=pending&status=succeeded": [held, pending],
        "payment_method=card": [held],
        f"order={order.pk}": [held, pending],
        f"order={uuid.uuid4()}": [],
        "created_before=2020-01-01T00:00:00Z": [],
    }.items():
        found = client.get(f"{URL}?{query}").json()["results"]
        assert [payment["id"] for payment in found] == [str(payment.pk) for payment in expected], query


def test_a_page_takes_as_many_statements_as_one_row(client, anna, order):
    for _ in range(20):
        RefundFactory(payment=PaymentFactory(order=order, status="succeeded"))
    client.get(URL)
    with CaptureQueriesContext(connections["web"]) as queries:
        assert len(client.get(URL).json()["results"]) == 20
    assert len(queries) == 2
    with CaptureQueriesContext(connections["web"]) as queries:
        client.get(payments_url(order.pk))
    assert len(queries) == 3


def test_nothing_is_changed_or_deleted_by_a_client(client, order):
    payment = PaymentFactory(order=order)
    before = everything()
    for method in (client.put, client.patch, client.delete):
        assert method(f"{URL}{payment.pk}/").status_code == 405
    assert client.post(URL, {}, "application/json").status_code == 405
    assert everything() == before
