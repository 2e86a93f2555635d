"""What browsers and proxies may keep of the rates, and what it costs to hear that nothing has changed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from exchanger.kernel.money.pairs import Pair
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.services.rates import rate_set
from web.tests.factories import ExchangeRateFactory

pytestmark = pytest.mark.context("web")

RATE = "/api/v1/rates/usd_uah/"
# An address, with the statements and the Redis commands of a 304.
PUBLIC = [
    ("/api/v1/rates/", 1, 0),
    (RATE, 0, 1),
    ("/api/v1/pairs/", 1, 0),
    ("/api/v1/rates/usd_uah/history/", 1, 1),  # the command counts against the address's limit
]


def commands(redis):
    """How many commands the servers have run since CONFIG RESETSTAT, those inside scripts left out."""
    calls = {name: facts["calls"] for name, facts in redis.info("commandstats").items()}
    inside = ("cmdstat_pttl", "cmdstat_get", "cmdstat_incr") if "cmdstat_evalsha" in calls else ()
    ours = ("cmdstat_info", "cmdstat_config|resetstat", *inside)
    return sum(count for name, count in calls.items() if name not in ours)


@pytest.mark.parametrize(("path", "statements", "redis_commands"), PUBLIC)
def test_an_answer_that_has_not_changed_is_a_304_that_costs_little(
    path, statements, redis_commands, publish, world, django_assert_num_queries
):
    publish()
    ExchangeRateFactory(rate=Decimal("41.5"))
    Client().get(path)
    first = Client().get(path)
    assert first.status_code == 200, first.json()
    with (
        world.redis() as redis,
        django_assert_num_queries(statements, connection=connections["web"]),
        django_assert_num_queries(0, connection=connections["identity"]),
    ):
        redis.config_resetstat()
        again = Client().get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert commands(redis) == redis_commands
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "public, max-age=5"


@pytest.mark.parametrize("path", [path for path, *_ in PUBLIC])
def test_a_changed_rate_is_a_new_answer(path, publish, as_context):
    publish()
    ExchangeRateFactory(rate=Decimal("41.5"), valid_from=timezone.now() - timedelta(hours=2))
    before = Client().get(path)
    with as_context("admin"):
        rate_set(pair=Pair("USD", "UAH"), rate=Decimal("42.5"))
    after = Client().get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]


@pytest.mark.parametrize("path", [path for path, *_ in PUBLIC[:3]])
def test_nobody_keeps_a_rate_for_longer_than_it_is_valid(path, publish):
    publish()
    ExchangeRateFactory(valid_until=timezone.now() + timedelta(seconds=3))
    kept = Client().get(path).headers["Cache-Control"]
    assert kept in ("max-age=2, public", "public, max-age=2", "public, max-age=1", "public, max-age=0")


@pytest.mark.parametrize("path", [path for path, *_ in PUBLIC])
def test_the_answer_is_the_same_for_everybody_and_asks_for_no_session(path, publish, world):
    publish()
    ExchangeRateFactory()
    key = session_open(user=UserFactory()).session_key
    nobody = Client().get(path)
    somebody = Client(headers={"Authorization": f"Bearer {key}"}).get(path)
    stranger = Client(headers={"Authorization": "Bearer nonsense"}).get(path)
    assert nobody.content == somebody.content == stranger.content
    assert nobody.headers["ETag"] == somebody.headers["ETag"]
    assert "Cookie" not in somebody.headers.get("Vary", "")
    assert not somebody.cookies


@pytest.mark.parametrize("path", ["/api/v1/rates/usd_xyz/", "/api/v1/rates/?from_currency=", "/api/v1/pairs/"])
def test_an_error_is_not_kept(path):
    answer = Client().get(path)
    assert answer.status_code >= 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


@pytest.mark.parametrize("path", ["auth/me", "orders/", "quotes/", "transactions/", "transactions/?format=csv"])
def test_nobody_keeps_what_is_somebodys_own(path):
    client = Client(headers={"Authorization": f"Bearer {session_open(user=UserFactory()).session_key}"})
    answer = client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
