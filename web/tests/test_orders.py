"""Making orders over HTTP: at a quote's terms or at the rate of the moment, and each refusal leaves nothing."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity.services.accounts import email_verify
from identity.tests.factories import UserFactory
from identity.tests.guesses import fail
from identity.tokens import VERIFICATION
from web.api.limits import ORDERS
from web.models import AnalyticsEvent, Order, Quote
from web.services.orders import order_create
from web.tests.factories import ExchangeRateFactory, QuoteFactory
from web.tests.ordering import NOTHING, URL, bearer, order, story, together, traces

pytestmark = pytest.mark.context("web")
NOW = {"pair": "usd_uah", "from_amount": "100.00"}


@pytest.fixture
def anna():
    return UserFactory()


@pytest.fixture
def client(anna, publish):
    publish()
    return bearer(anna)


@pytest.fixture
def quote(anna):
    return QuoteFactory(user_id=anna.pk)


def test_an_order_takes_a_quote_with_its_terms_and_its_end(client, anna, quote):
    answer = order(client, quote_id=str(quote.pk))
    assert answer.status_code == 201, answer.json()
    found, made = answer.json(), Order.objects.get()
    assert found == {
        "id": str(made.pk),
        "quote_id": str(quote.pk),
        "from_currency": "USD",
        "to_currency": "UAH",
        "from_amount": "100.00",
        "to_amount": "4116.86",
        "fee": "12.39",
        "exchange_rate": "41.29250000",
        "status": "pending",
        "expires_at": found["expires_at"],
        "created_at": found["created_at"],
        "updated_at": found["created_at"],
    }
    assert (made.user_id, made.amount, made.exchange_rate) == (anna.pk, quote.from_amount, quote.rate)
    quote.refresh_from_db()
    assert (quote.order_id, made.expires_at) == (made.pk, quote.expires_at)
    assert client.get(f"{URL}{made.pk}/").json() == found
    assert story(made.pk) == ["order.created"]
    told = AnalyticsEvent.objects.get()
    assert told.user_id == anna.pk
    assert told.event_data == {
        "order_id": str(made.pk),
        "from_currency": "USD",
        "to_currency": "UAH",
        "amount": "100.00000000",
        "exchange_rate": "41.29250000",
        "status": "pending",
        "to_amount": "4116.86000000",
        "fee": "12.39000000",
        "expires_at": quote.expires_at.isoformat(),
    }


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"from_amount": "100.00"}, ("100.00", "4116.86", "12.39")),
        ({"to_amount": "4000.00"}, ("97.17", "4000.00", "12.39")),
        ({"from_amount": "100.00", "expected_rate": "41.2925"}, ("100.00", "4116.86", "12.39")),
        ({"from_amount": "100.00", "expected_rate": "41"}, ("100.00", "4116.86", "12.39")),
    ],
)
def test_an_order_at_the_rate_of_the_moment_makes_a_quote_and_takes_it(client, wanted, shown):
    ExchangeRateFactory(rate=Decimal("41.50"))
    found = order(client, pair="usd_uah", **wanted).json()
    assert (found["from_amount"], found["to_amount"], found["fee"]) == shown
    quote = Quote.objects.get()
    assert (found["quote_id"], found["id"]) == (str(quote.pk), str(quote.order_id))
    assert quote.expires_at - quote.created_at == timedelta(minutes=10)
    assert Order.objects.get().expires_at == quote.expires_at


def test_a_quotes_terms_hold_whatever_the_market_and_the_offer_have_become(client, quote, publish):
    ExchangeRateFactory(rate=Decimal(1), from_currency="EUR")
    publish(pairs=["EUR/UAH"], spread="0.5")
    assert order(client, quote_id=str(quote.pk)).json()["to_amount"] == "4116.86"


def test_a_worse_rate_than_expected_is_refused_with_the_present_one(client):
    ExchangeRateFactory(rate=Decimal("41.50"))
    answer = order(client, **NOW, expected_rate="41.29250001")
    assert (answer.status_code, answer.json()["code"]) == (409, "rate_changed")
    assert answer.json()["details"] == {"pair": "usd_uah", "rate": "41.29250000", "expected_rate": "41.29250001"}
    assert (traces(), Quote.objects.count()) == (NOTHING, 0)


def test_a_quote_that_is_not_ones_own_is_not_there(client):
    for quote_id in (QuoteFactory().pk, uuid.uuid4()):
        answer = order(client, quote_id=str(quote_id))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert traces() == NOTHING


def test_an_expired_quote_is_refused(client, anna):
    now = timezone.now()
    quote = QuoteFactory(user_id=anna.pk, created_at=now - timedelta(minutes=10), expires_at=now)
    answer = order(client, quote_id=str(quote.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "quote_expired")
    assert answer.json()["details"] == {"expires_at": quote.expires_at.isoformat()}
    assert traces() == NOTHING


def test_a_quote_that_was_taken_is_refused_and_names_the_order(client, quote):
    first = order(client, quote_id=str(quote.pk)).json()
    before = traces()
    answer = order(client, quote_id=str(quote.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "quote_taken")
    assert answer.json()["details"] == {"order_id": first["id"]}
    assert traces() == before == (1, 1, 1, 1, 0, 0, 1)


REFUSALS = [
    ({"pair": "usd_eur"}, 400, "unknown_pair"),
    ({"to_amount": "1.00"}, 400, "one_amount"),
    ({"from_amount": "0.00"}, 400, "amount_not_positive"),
    ({"from_amount": "100.001"}, 400, "amount_too_precise"),
    ({"from_amount": "19.99"}, 400, "amount_too_small"),
    ({"from_amount": "10000.01"}, 400, "amount_too_large"),
    ({"pair": "eur_uah"}, 503, "rate_missing"),
]


@pytest.mark.parametrize(("wanted", "status", "code"), REFUSALS)
def test_without_a_quote_the_rules_of_quotes_hold_and_a_refusal_leaves_nothing(client, wanted, status, code):
    ExchangeRateFactory()
    answer = order(client, **(NOW | wanted))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (traces(), Quote.objects.count()) == (NOTHING, 0)


def test_maintenance_refuses_all_also_whoever_has_a_quote(client, quote, publish):
    publish(maintenance_mode=True)
    for wanted in (NOW, {"quote_id": str(quote.pk)}):
        answer = order(client, **wanted)
        assert (answer.status_code, answer.json()["code"]) == (503, "maintenance")
        assert "Retry-After" in answer.headers
    assert traces() == NOTHING


def test_without_a_configuration_nothing_is_ordered(anna, quote):
    client = bearer(anna)
    for wanted in (NOW, {"quote_id": str(quote.pk)}):
        answer = order(client, **wanted)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")
    assert traces() == NOTHING


def test_who_has_not_verified_their_address_is_told_to_and_can_order_once_they_have(publish):
    publish()
    boris = UserFactory(email_verified=False)
    quote, client = QuoteFactory(user_id=boris.pk), bearer(boris)
    for wanted in (NOW, {"quote_id": str(quote.pk)}):
        answer = order(client, **wanted)
        assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
        assert "open the link" in answer.json()["message"]
    assert traces() == NOTHING
    email_verify(token=VERIFICATION.make(boris))
    assert order(client, quote_id=str(quote.pk)).status_code == 201


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "pair"),
        ({"from_amount": "100.00"}, "pair"),
        ({"quote_id": "nonsense"}, "quote_id"),
        ({"quote_id": None}, "quote_id"),
        ({"quote_id": str(uuid.uuid4()), "pair": "usd_uah"}, "quote_id"),
        ({"quote_id": str(uuid.uuid4()), "expected_rate": "41"}, "quote_id"),
        (NOW | {"from_amount": 100}, "from_amount"),
        (NOW | {"expected_rate": 41.5}, "expected_rate"),
        (NOW | {"expected_rate": "1e3"}, "expected_rate"),
        (NOW | {"pair": "usd"}, "pair"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_the_field(client, wanted, field):
    ExchangeRateFactory()
    answer = order(client, **wanted)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["details"]) == [field]
    assert traces() == NOTHING


def test_an_order_needs_a_session_and_a_key(client, quote):
    wanted = {"quote_id": str(quote.pk)}
    assert order(Client(), **wanted).status_code == 401
    keyless = client.post(URL, wanted, content_type="application/json")
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_required")
    assert traces() == NOTHING


def test_who_orders_too_often_is_refused_and_nobody_else(client, anna, quote):
    fail(ORDERS, str(anna.pk))
    refused = order(client, quote_id=str(quote.pk))
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert traces() == NOTHING
    assert order(bearer(UserFactory()), **NOW).status_code == 201


def test_a_repeated_request_gets_the_first_answer_and_makes_no_second_order(client, quote):
    first = order(client, key="k", quote_id=str(quote.pk))
    before = traces()
    again = order(client, key="k", quote_id=str(quote.pk))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert traces() == before


def test_of_requests_that_race_with_one_key_one_makes_an_order(client):
    ExchangeRateFactory()
    answers = together([lambda: order(client, key="k", **NOW)] * 16, threads=8)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert traces() == (1, 1, 1, 1, 0, 0, 1)
    assert Quote.objects.count() == 1


def test_of_orders_that_race_for_one_quote_one_takes_it(anna, publish, quote):
    publish()
    results = together([lambda: order_create(user=anna, quote_id=quote.pk)] * 16)
    refused = [result for result in results if isinstance(result, Exception)]
    assert {refusal.code for refusal in refused} == {"quote_taken"}
    [(won, _)] = [result for result in results if not isinstance(result, Exception)]
    assert Order.objects.get().pk == Quote.objects.get().order_id == won.pk
    assert traces() == (1, 0, 1, 1, 0, 0, 1)


BEFORE = "BEGIN SELECT SELECT SAVEPOINT SELECT SELECT"  # the key, the configuration, the quote
AFTER = "INSERT UPDATE SELECT SELECT INSERT INSERT RELEASE INSERT COMMIT"
LIMITS = {"client_daily_limits": {"USD": "1000"}, "pair_daily_limits": {"USD/UAH": "1000"}}


@pytest.mark.parametrize(("limits", "asking"), [({}, 0), (LIMITS, 4)])
def test_the_statements_and_commands_that_an_order_takes(
    limits, asking, client, anna, quote, publish, world, django_assert_num_queries
):
    publish(**limits)
    second = QuoteFactory(user_id=anna.pk, rate_id=quote.rate_id)
    order(client, quote_id=str(quote.pk))
    wanted = [*BEFORE.split(), *["SELECT"] * asking, *AFTER.split()]
    with world.redis() as redis:
        redis.config_resetstat()
        with (
            CaptureQueriesContext(connections["web"]) as done,
            django_assert_num_queries(0, connection=connections["identity"]),
        ):
            assert order(client, quote_id=str(second.pk)).status_code == 201
        commands = {name: facts["calls"] for name, facts in redis.info("commandstats").items()}
    assert [query["sql"].split()[0] for query in done.captured_queries] == wanted
    assert commands["cmdstat_set"] == 2  # session and user
    assert commands["cmdstat_evalsha"] == 1  # the limit of orders a minute
    assert "cmdstat_unlink" not in commands  # nothing of a new order is cached
