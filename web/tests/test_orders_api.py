"""Orders shown to their clients, from the list and from the cache, and cancelled by them."""

import json
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from identity.tests.factories import UserFactory
from web.models import ExchangeRate, Order, OrderStatus, Payment
from web.tests.factories import ExchangeRateFactory, OrderFactory, PaymentFactory, QuoteFactory
from web.tests.ordering import URL, bearer, order, pay, story, traces

pytestmark = pytest.mark.context("web")


@pytest.fixture
def anna():
    return UserFactory()


@pytest.fixture
def client(anna):
    return bearer(anna)


def quoted(anna, **fields):
    made = OrderFactory(user_id=anna.pk, exchange_rate=Decimal("41.2925"), **fields)
    rate = ExchangeRate.objects.first() or ExchangeRateFactory()
    QuoteFactory(user_id=anna.pk, order=made, rate_id=rate.pk)
    return made


def ids(answer):
    return [found["id"] for found in answer.json()["results"]]


def commands(redis):
    """The commands that Redis was sent, those of the session and the user taken off."""
    found = {name.removeprefix("cmdstat_"): facts["calls"] for name, facts in redis.info("commandstats").items()}
    return {name: calls for name, calls in found.items() if name not in ("info", "config|resetstat")}


def test_a_list_of_fifty_takes_two_statements_whatever_there_is(client, anna, django_assert_num_queries, world):
    for number in range(60):
        quoted(anna) if number % 2 else OrderFactory(user_id=anna.pk)
    client.get(URL)
    with world.redis() as redis:
        redis.config_resetstat()
        with (
            django_assert_num_queries(2, connection=connections["web"]),
            django_assert_num_queries(0, connection=connections["identity"]),
        ):
            answer = client.get(URL)
        assert commands(redis) == {"set": 2}  # session and user
    shown = answer.json()["results"]
    assert len(shown) == 50
    assert {found["to_amount"] for found in shown} == {None, "4116.86"}
    assert {found["fee"] for found in shown} == {None, "12.39"}


def test_the_list_and_the_detail_show_the_same(client, anna):
    orders = [quoted(anna, expires_at=timezone.now()), OrderFactory(user_id=anna.pk)]
    shown = {found["id"]: found for found in client.get(URL).json()["results"]}
    for one in orders:
        cold, warm = (client.get(f"{URL}{one.pk}/").json() for _ in range(2))
        assert shown[str(one.pk)] == cold == warm


def test_an_order_of_a_currency_that_was_given_up_is_shown_with_all_its_decimals(client, anna):
    given = OrderFactory(user_id=anna.pk, from_currency="XQQ")
    received = quoted(anna, to_currency="XQQ")
    PaymentFactory(order=given)
    shown = {found["id"]: found for found in client.get(URL).json()["results"]}
    assert shown[str(given.pk)]["from_amount"] == "100.00000000"
    assert shown[str(received.pk)]["to_amount"] == "4116.86000000"
    [payment] = client.get(f"{URL}{given.pk}/payments/").json()["results"]
    assert (payment["amount"], payment["currency"]) == ("100.00000000", "XQQ")


@pytest.mark.parametrize("method", ["card", "bank_transfer"])
def test_nobody_pays_in_a_currency_that_was_given_up(method, client, anna, publish, settings):
    publish()
    settings.CARD_PROCESSOR_URL = "http://127.0.0.1:1"
    given = OrderFactory(user_id=anna.pk, from_currency="XQQ", expires_at=timezone.now() + timedelta(minutes=5))
    answer = client.post(
        f"{URL}{given.pk}/payments/",
        {"payment_method": method},
        "application/json",
        headers={"idempotency-key": str(uuid.uuid4())},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "payment_method_unavailable")
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=paid", ["paid"]),
        ("status=paid&status=expired", ["paid", "expired"]),
        ("pair=usd_eur", ["eur"]),
        ("pair=USD/EUR", ["eur"]),
        ("pair=eur_usd", []),
        ("to_currency=eur", ["eur"]),
        ("from_currency=btc", []),
        ("status=paid&pair=usd_eur", []),
    ],
)
def test_filters(query, found, client, anna):
    orders = {
        "eur": OrderFactory(user_id=anna.pk, to_currency="EUR"),
        "paid": OrderFactory(user_id=anna.pk, status="paid"),
        "expired": OrderFactory(user_id=anna.pk, status="expired"),
    }
    OrderFactory(status="paid")
    assert set(ids(client.get(f"{URL}?{query}"))) == {str(orders[name].pk) for name in found}


def test_filters_by_time_include_the_first_moment_and_not_the_last(client, anna):
    noon = timezone.now().replace(microsecond=0)
    moments = [noon, noon + timedelta(minutes=1), noon + timedelta(minutes=2)]
    orders = [OrderFactory(user_id=anna.pk, created_at=moment) for moment in moments]
    answer = client.get(URL, {"created_after": moments[0].isoformat(), "created_before": moments[2].isoformat()})
    assert ids(answer) == [str(orders[1].pk), str(orders[0].pk)]


def test_orders_of_one_moment_page_whole_while_others_come_in(client, anna):
    moment = timezone.now()
    existing = {str(OrderFactory(user_id=anna.pk, created_at=moment).pk) for _ in range(11)}
    seen, address = [], f"{URL}?page_size=4"
    while address:
        page = client.get(address)
        seen += ids(page)
        OrderFactory(user_id=anna.pk)
        address = page.json()["next"]
    assert len(seen) == 11
    assert set(seen) == existing


def test_an_order_is_cached_under_the_sources_key_for_half_an_hour(client, anna, world, django_assert_num_queries):
    one = quoted(anna)
    address = f"{URL}{one.pk}/"
    client.get(URL)
    with world.redis() as redis:
        redis.config_resetstat()
        with django_assert_num_queries(2, connection=connections["web"]):
            cold = client.get(address)
        # session, user and the order; then a script that reads and fills
        assert commands(redis) == {"set": 4, "evalsha": 1, "get": 1}
        held = json.loads(redis.get(f"cache:web:orders:{one.pk}"))
        assert (held["status"], held["to_amount"], held["user_id"]) == ("pending", "4116.86", str(anna.pk))
        assert 1790 < redis.ttl(f"cache:web:orders:{one.pk}") <= 1800
        redis.config_resetstat()
        with (
            django_assert_num_queries(0, connection=connections["web"]),
            django_assert_num_queries(0, connection=connections["identity"]),
        ):
            warm = client.get(address)
        assert commands(redis) == {"set": 3}
    assert warm.json() == cold.json()
    assert "user_id" not in warm.json()


def test_somebody_elses_order_is_not_there_whether_it_is_cached_or_not(anna, client):
    one = quoted(anna)
    boris = bearer(UserFactory())
    assert boris.get(f"{URL}{one.pk}/").status_code == 404
    assert client.get(f"{URL}{one.pk}/").status_code == 200
    assert boris.get(f"{URL}{one.pk}/").status_code == 404
    assert boris.post(f"{URL}{one.pk}/cancel/").status_code == 404
    assert ids(boris.get(URL)) == []
    assert Client().get(f"{URL}{one.pk}/").status_code == Client().post(f"{URL}{one.pk}/cancel/").status_code == 401
    assert Order.objects.get().status == OrderStatus.PENDING
    assert story(one.pk) == []


@pytest.mark.parametrize("unknown", [uuid.uuid4(), "nonsense", "%00"])
def test_an_order_that_is_not_there_is_a_404_and_leaves_no_key(unknown, client, world):
    for answer in (client.get(f"{URL}{unknown}/"), client.post(f"{URL}{unknown}/cancel/")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    with world.redis() as redis:
        assert redis.keys("cache:web:orders:*") == []


# --- Cancelling


def test_a_client_cancels_an_order_and_does_so_again_without_effect(client, anna, world, django_assert_num_queries):
    one = quoted(anna)
    assert client.get(f"{URL}{one.pk}/").json()["status"] == "pending"
    with (
        world.redis() as redis,
        # The move, its event, the key's note; the note forgotten; then the order and its quote, to show it.
        django_assert_num_queries(14, connection=connections["web"]),
        django_assert_num_queries(0, connection=connections["identity"]),
    ):
        redis.config_resetstat()
        first = client.post(f"{URL}{one.pk}/cancel/")
        assert commands(redis) == {"set": 4, "unlink": 1, "evalsha": 1, "get": 1}
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    before = traces()
    again = client.post(f"{URL}{one.pk}/cancel/")
    assert (again.status_code, again.json()) == (200, first.json())
    assert client.get(f"{URL}{one.pk}/").json() == first.json()
    assert traces() == before
    assert story(one.pk) == ["order.cancelled"]


@pytest.mark.parametrize("status", ["paid", "processing", "completed", "expired", "failed", "refunded"])
def test_only_an_unpaid_order_can_be_cancelled(status, client, anna):
    one = OrderFactory(user_id=anna.pk, status=status)
    before = traces()
    answer = client.post(f"{URL}{one.pk}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "order_status")
    assert answer.json()["details"] == {"status": status, "wanted": "cancelled"}
    assert client.get(f"{URL}{one.pk}/").json()["status"] == status
    assert traces() == before


def test_a_quote_stays_taken_by_an_order_that_was_cancelled(client, anna, publish):
    publish()
    quote = QuoteFactory(user_id=anna.pk)
    made = order(client, quote_id=str(quote.pk)).json()
    client.post(f"{URL}{made['id']}/cancel/")
    again = order(client, quote_id=str(quote.pk))
    assert (again.status_code, again.json()["code"]) == (409, "quote_taken")


def test_what_is_shown_after_a_move_is_never_older_than_it(client, anna):
    one = quoted(anna)
    address = f"{URL}{one.pk}/"
    assert client.get(address).json()["status"] == "pending"
    pay(one.pk)
    assert client.get(address).json()["status"] == "paid"
