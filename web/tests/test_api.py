"""Rates for everybody, orders for their owner, over HTTP."""

import json
from base64 import b64encode
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.cache import WebCache
from web.tests.factories import ExchangeRateFactory, OrderFactory

pytestmark = pytest.mark.context("web")


def bearer(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


def test_the_list_of_rates_holds_those_in_force_and_no_others(django_assert_num_queries):
    now = timezone.now()
    ExchangeRateFactory(valid_from=now - timedelta(days=2), valid_until=now - timedelta(days=1), rate=40)
    ExchangeRateFactory(valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=1), rate=41)
    ExchangeRateFactory(valid_from=now + timedelta(days=1), rate=42)
    ExchangeRateFactory(from_currency="EUR", valid_from=now - timedelta(days=1), rate=48)
    with django_assert_num_queries(1, connection=connections["web"]):
        answer = Client().get("/api/v1/rates/")
    found = [(rate["from_currency"], rate["rate"]) for rate in answer.json()["results"]]
    assert found == [("EUR", "48.00000000"), ("USD", "41.00000000")]


def test_a_pairs_rate_is_cached_under_the_sources_key_for_five_minutes(world, django_assert_num_queries):
    ExchangeRateFactory(rate=Decimal("41.5"))
    first = Client().get("/api/v1/rates/USD_UAH/").json()
    assert first["rate"] == "41.50000000"
    with world.redis() as client:
        assert 290 < client.ttl("cache:web:rates:usd_uah") <= 300
        assert json.loads(client.get("cache:web:rates:usd_uah"))["rate"] == "41.50000000"
    with django_assert_num_queries(0, connection=connections["web"]):
        assert Client().get("/api/v1/rates/usd_uah/").json() == first
    assert WebCache().get_exchange_rate("usd", "uah") == Decimal("41.5")


def test_a_rate_is_never_cached_for_longer_than_it_is_valid(world):
    ExchangeRateFactory(valid_until=timezone.now() + timedelta(seconds=40))
    Client().get("/api/v1/rates/usd_uah/")
    with world.redis() as client:
        assert 0 < client.ttl("cache:web:rates:usd_uah") <= 40


@pytest.mark.parametrize("pair", ["usd_xxx", "usd", "usd_uah_eur", "%00_uah", "🙂_uah", "a" * 300])
def test_a_pair_that_is_not_there_is_a_404_in_the_one_shape_and_leaves_no_key(pair, world):
    answer = Client().get(f"/api/v1/rates/{pair}/")
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message", "details"}
    with world.redis() as client:
        assert client.keys("*") == []


def test_a_client_sees_their_own_orders_newest_first_and_nobody_elses(django_assert_num_queries):
    anna, boris = UserFactory(), UserFactory()
    older = OrderFactory(user_id=anna.pk, created_at=timezone.now() - timedelta(hours=1))
    newer = OrderFactory(user_id=anna.pk)
    foreign = OrderFactory(user_id=boris.pk)
    client = bearer(anna)
    client.get("/api/v1/orders/")
    with (
        django_assert_num_queries(2, connection=connections["web"]),
        django_assert_num_queries(0, connection=connections["identity"]),
    ):
        answer = client.get("/api/v1/orders/")
    assert [order["id"] for order in answer.json()["results"]] == [str(newer.pk), str(older.pk)]
    assert client.get(f"/api/v1/orders/{foreign.pk}/").status_code == 404
    assert client.get(f"/api/v1/orders/{older.pk}/").json()["from_amount"] == "100.00"


def test_orders_page_by_position_without_loss_or_repetition_while_others_come_in():
    anna = UserFactory()
    existing = {str(OrderFactory(user_id=anna.pk).pk) for _ in range(7)}
    client = bearer(anna)
    seen, address = [], "/api/v1/orders/?page_size=3"
    while address:
        page = client.get(address).json()
        seen += [order["id"] for order in page["results"]]
        OrderFactory(user_id=anna.pk)
        address = page["next"]
    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == existing


def test_orders_are_for_clients_with_a_session(world):
    answer = Client().get("/api/v1/orders/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="exchanger"'
    assert answer.json()["code"] == "not_authenticated"
    with world.redis() as client:
        assert client.keys("*") == []


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense",
        "created_after=yesterday",
        "created_after=0001-01-01T00:00:00%2B14:00",
        "from_currency=%00",
        "pair=usd",
        "pair=usd_usd",
        "pair=%00_uah",
        "page_size=null",
        "page_size=0",
        "page_size=201",
    ],
)
def test_a_bad_filter_is_a_400_that_names_the_field(query):
    answer = bearer(UserFactory()).get(f"/api/v1/orders/?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert list(answer.json()["details"]) == [query.split("=")[0]]


@pytest.mark.parametrize("position", ["p=nonsense", "p=%00", "o=-1", "o=99999999999999999999", "p=2025-02-30"])
def test_a_forged_cursor_is_a_404_in_the_one_shape(position):
    OrderFactory(user_id=(anna := UserFactory()).pk)
    cursor = b64encode(position.encode()).decode()
    answer = bearer(anna).get("/api/v1/orders/", {"cursor": cursor})
    assert answer.status_code in (200, 404)
    assert set(answer.json()) in ({"code", "message", "details"}, {"next", "previous", "results"})


def test_a_moment_may_come_with_any_offset():
    order = OrderFactory(user_id=(anna := UserFactory()).pk)
    answer = bearer(anna).get("/api/v1/orders/", {"created_after": "2000-01-01T05:35:47.515377-20:22"})
    assert [found["id"] for found in answer.json()["results"]] == [str(order.pk)]
