"""Setting rates: periods that follow one another, whoever writes at once; and what is cached of them."""

import threading
from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from exchanger.kernel.money.pairs import Pair, WrongPair
from web.cache import WebCache
from web.models import ExchangeRate
from web.rates import find_rate, find_rates
from web.services.rates import RateRefused, rate_set
from web.tests.factories import ExchangeRateFactory

pytestmark = pytest.mark.context("web")
USD_UAH, UAH_USD, EUR_UAH, EUR_USD = Pair("USD", "UAH"), Pair("UAH", "USD"), Pair("EUR", "UAH"), Pair("EUR", "USD")
HOUR = timedelta(hours=1)


def periods(pair=USD_UAH):
    found = ExchangeRate.objects.filter(from_currency=pair.source, to_currency=pair.target).order_by("valid_from")
    return [(rate.rate, rate.valid_from, rate.valid_until) for rate in found]


def test_a_new_rate_closes_the_old_at_the_very_moment():
    first = rate_set(pair=USD_UAH, rate=Decimal("41.5"))
    second = rate_set(pair=USD_UAH, rate=Decimal(42))
    assert periods() == [
        (Decimal("41.5"), first.valid_from, second.valid_from),
        (Decimal(42), second.valid_from, None),
    ]
    assert (second.source, second.confirmed_at) == ("manual", second.valid_from)


def test_a_rate_can_be_scheduled_and_leaves_the_one_in_force_until_then():
    tomorrow = timezone.now() + timedelta(days=1)
    now = rate_set(pair=USD_UAH, rate=Decimal(41))
    rate_set(pair=USD_UAH, rate=Decimal(43), valid_from=tomorrow)
    assert periods() == [(Decimal(41), now.valid_from, tomorrow), (Decimal(43), tomorrow, None)]
    assert find_rate(USD_UAH, "UAH").rate == Decimal(41)
    between = rate_set(pair=USD_UAH, rate=Decimal(42))
    assert periods() == [
        (Decimal(41), now.valid_from, between.valid_from),
        (Decimal(42), between.valid_from, tomorrow),
        (Decimal(43), tomorrow, None),
    ]


def test_a_scheduled_rate_is_replaced_by_another_for_the_same_moment():
    tomorrow = timezone.now() + timedelta(days=1)
    first = rate_set(pair=USD_UAH, rate=Decimal(43), valid_from=tomorrow)
    second = rate_set(pair=USD_UAH, rate=Decimal(44), valid_from=tomorrow, valid_until=tomorrow + HOUR)
    assert first.pk == second.pk
    assert periods() == [(Decimal(44), tomorrow, tomorrow + HOUR)]


@pytest.mark.parametrize(("starts", "ends"), [(-HOUR, None), (HOUR, HOUR), (HOUR, timedelta()), (None, -HOUR)], ids=str)
def test_a_period_that_has_begun_or_never_begins_is_refused(starts, ends):
    now = timezone.now()
    with pytest.raises(RateRefused) as refused:
        rate_set(
            pair=USD_UAH,
            rate=Decimal(41),
            valid_from=None if starts is None else now + starts,
            valid_until=None if ends is None else now + ends,
        )
    assert refused.value.code == "rate_period"
    assert periods() == []


def test_a_period_that_reaches_into_a_scheduled_one_is_refused():
    tomorrow = timezone.now() + timedelta(days=1)
    rate_set(pair=USD_UAH, rate=Decimal(43), valid_from=tomorrow)
    with pytest.raises(RateRefused) as refused:
        rate_set(pair=USD_UAH, rate=Decimal(42), valid_until=tomorrow + HOUR)
    assert refused.value.code == "rate_scheduled"
    assert periods() == [(Decimal(43), tomorrow, None)]


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "10000000000", "1.000000001"])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(RateRefused) as refused:
        rate_set(pair=USD_UAH, rate=Decimal(rate))
    assert refused.value.code == "rate_invalid"
    assert periods() == []


def test_a_pair_of_unknown_currencies_is_refused():
    with pytest.raises(WrongPair):
        rate_set(pair=Pair("USD", "ZZZ"), rate=Decimal(1))


def test_a_house_may_buy_and_sell_at_different_rates_but_not_so_that_a_round_trip_gains():
    rate_set(pair=USD_UAH, rate=Decimal(40))
    rate_set(pair=UAH_USD, rate=Decimal("0.024"))
    with pytest.raises(RateRefused) as refused:
        rate_set(pair=USD_UAH, rate=Decimal(42))
    assert refused.value.code == "rate_round_trip"
    assert [rate for rate, _, _ in periods()] == [Decimal(40)]
    end = timezone.now() + timedelta(days=2)
    with pytest.raises(RateRefused):
        rate_set(pair=USD_UAH, rate=Decimal(42), valid_from=timezone.now() + HOUR, valid_until=end)
    rate_set(pair=UAH_USD, rate=Decimal("0.0238"))
    rate_set(pair=USD_UAH, rate=Decimal(42))


def test_rates_set_at_once_follow_one_another(world):
    """Eight threads, each with its own connection: all succeed, and one period is open."""
    start, failures = threading.Barrier(8), []

    def set_one(number):
        try:
            start.wait()
            rate_set(pair=USD_UAH, rate=Decimal(40) + number)
        except Exception as error:
            failures.append(error)
        finally:
            connections["web"].close()

    threads = [threading.Thread(target=set_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = periods()
    assert sorted(rate for rate, _, _ in found) == [Decimal(40) + number for number in range(8)]
    assert [until for _, _, until in found] == [since for _, since, _ in found[1:]] + [None]


def test_operators_set_rates_from_their_own_process_with_their_own_login(as_context, publish, world):
    publish()
    ExchangeRateFactory(rate=Decimal("41.5"))
    cache = WebCache()
    assert cache.get_exchange_rate("usd", "uah") == Decimal("41.5")
    assert cache.get_exchange_rate("uah", "usd") == Decimal("0.02409638")
    with world.redis() as client:
        assert set(client.keys("*")) == {b"cache:web:rates:usd_uah", b"cache:web:rates:uah_usd"}
    with as_context("admin"):
        rate_set(pair=USD_UAH, rate=Decimal(40))
    with world.redis() as client:
        assert client.keys("*") == []
    assert cache.get_exchange_rate("usd", "uah") == Decimal(40)
    assert cache.get_exchange_rate("uah", "usd") == Decimal("0.025")


def test_a_change_that_is_rolled_back_drops_nothing(world):
    from django.db import transaction

    ExchangeRateFactory(rate=Decimal("41.5"))
    WebCache().get_exchange_rate("usd", "uah")
    with transaction.atomic(using="web"):
        rate_set(pair=USD_UAH, rate=Decimal(40))
        transaction.set_rollback(True, using="web")
    with world.redis() as client:
        assert client.keys("*") == [b"cache:web:rates:usd_uah"]
    assert WebCache().get_exchange_rate("usd", "uah") == Decimal("41.5")


def test_a_rate_through_the_base_currency_is_dropped_with_each_of_its_legs_and_with_the_base(publish, world):
    publish()
    ExchangeRateFactory(rate=Decimal(40))
    ExchangeRateFactory(from_currency="EUR", rate=Decimal(50))
    for leg, rate, expected in ((USD_UAH, "41", "1.21951219"), (EUR_UAH, "51", "1.24390243")):
        assert WebCache().get_exchange_rate("eur", "usd") is not None
        rate_set(pair=leg, rate=Decimal(rate))
        assert WebCache().get_exchange_rate("eur", "usd") == Decimal(expected)
    publish(base_currency="EUR")
    assert WebCache().get_exchange_rate("eur", "usd") is None


def test_a_pair_that_is_not_on_offer_has_a_rate_only_where_it_is_stored(publish, world):
    publish(pairs=["EUR/UAH"])
    ExchangeRateFactory()
    assert WebCache().get_exchange_rate("usd", "uah") == Decimal("41.5")
    assert WebCache().get_exchange_rate("uah", "usd") is None
    assert WebCache().get_exchange_rate("uah", "nothing") is None
    with world.redis() as client:
        assert client.keys("*") == [b"cache:web:rates:usd_uah"]


def test_the_rate_in_force_is_the_latest_begun_and_never_one_that_is_over_or_to_come():
    now = timezone.now()
    ExchangeRateFactory(valid_from=now - 3 * HOUR, valid_until=now - 2 * HOUR, rate=40)
    assert find_rate(USD_UAH, "UAH") is None
    ExchangeRateFactory(valid_from=now - HOUR, valid_until=now + HOUR, rate=41)
    ExchangeRateFactory(valid_from=now + HOUR, rate=42)
    found = find_rate(USD_UAH, "UAH")
    assert (found.rate, found.valid_until) == (41, now + HOUR)
    assert found.valid_until.tzinfo == UTC


def test_a_derived_rate_ends_where_a_rate_of_its_own_begins_and_is_as_old_as_its_oldest_leg(django_assert_num_queries):
    now = timezone.now()
    ExchangeRateFactory(from_currency="EUR", rate=50, valid_from=now - 3 * HOUR, confirmed_at=now - 2 * HOUR)
    ExchangeRateFactory(rate=40, valid_from=now - HOUR, confirmed_at=now - HOUR, source="nbu")
    ExchangeRateFactory(from_currency="EUR", to_currency="USD", rate=1, valid_from=now + HOUR)
    with django_assert_num_queries(1, connection=connections["web"]):
        found = find_rate(EUR_USD, "UAH")
    assert found.rate == Decimal("1.25")
    assert (found.valid_from, found.valid_until) == (now - HOUR, now + HOUR)
    assert found.confirmed_at == now - 2 * HOUR
    assert found.source == "manual+nbu"
    assert found.is_stale(HOUR)
    assert not found.is_stale(3 * HOUR)


def test_many_rates_take_one_statement(django_assert_num_queries):
    ExchangeRateFactory(rate=40)
    ExchangeRateFactory(from_currency="EUR", rate=50)
    with django_assert_num_queries(1, connection=connections["web"]):
        found = find_rates([USD_UAH, UAH_USD, EUR_USD, Pair("GBP", "UAH")], "UAH")
    assert {pair: rate.rate for pair, rate in found.items()} == {
        USD_UAH: 40,
        UAH_USD: Decimal("0.025"),
        EUR_USD: Decimal("1.25"),
    }
    assert find_rates([], "UAH") == {}
