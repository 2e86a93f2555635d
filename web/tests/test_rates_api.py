"""Rates, their history and what is on offer, over HTTP, for everybody."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from identity.tests.guesses import fail
from web import history
from web.api.limits import HISTORY
from web.tests.factories import ExchangeRateFactory

pytestmark = pytest.mark.context("web")
DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def past(pair, *rates, start=MONDAY, length=DAY):
    """One period after the other, the last one closed too."""
    for number, rate in enumerate(rates):
        since = start + number * length
        source, target = pair.upper().split("_")
        ExchangeRateFactory(
            from_currency=source, to_currency=target, rate=Decimal(rate), valid_from=since, valid_until=since + length
        )


def chart(pair="usd_uah", **query):
    query = {"since": MONDAY.isoformat(), "until": (MONDAY + 7 * DAY).isoformat()} | query
    return Client().get(f"/api/v1/rates/{pair}/history/", query)


def bars(answer):
    return [tuple(Decimal(point[key]) for key in ("open", "high", "low", "close")) for point in answer.json()["points"]]


def test_a_derived_rate_is_shown_and_cached_without_a_statement(publish, django_assert_num_queries, world):
    publish()
    ExchangeRateFactory(rate=Decimal("41.50"), source="nbu")
    with django_assert_num_queries(2, connection=connections["web"]):  # the configuration, and the rates behind it
        first = Client().get("/api/v1/rates/uah_usd/").json()
    assert (first["rate"], first["source"]) == ("0.02409638", "nbu")
    with world.redis() as redis:
        redis.config_resetstat()
        with django_assert_num_queries(0, connection=connections["web"]):
            assert Client().get("/api/v1/rates/UAH_USD/").json() == first
        commands = {name: facts["calls"] for name, facts in redis.info("commandstats").items()}
    assert commands["cmdstat_set"] == 1


def test_what_is_on_offer_comes_with_limits_terms_and_clients_rates_in_one_statement(
    publish, django_assert_num_queries
):
    publish(pairs=["USD/UAH", "UAH/USD", "BTC/UAH"])
    ExchangeRateFactory(rate=Decimal("40"))
    old = timezone.now() - DAY
    ExchangeRateFactory(from_currency="BTC", rate=Decimal(4_000_000), valid_from=old, confirmed_at=old)
    Client().get("/api/v1/pairs/")
    with django_assert_num_queries(1, connection=connections["web"]):
        answer = Client().get("/api/v1/pairs/").json()
    assert (answer["maintenance_mode"], answer["quote_life_seconds"]) == (False, 600)
    assert answer["pairs"][0] == {
        "pair": "usd_uah",
        "from_currency": "USD",
        "to_currency": "UAH",
        "minimum": "20",
        "maximum": "10000",
        "from_decimals": 2,
        "to_decimals": 2,
        "fee": "0.003",
        "rate": "39.80000000",
    }
    assert [offered["rate"] for offered in answer["pairs"][1:]] == ["0.02487500", None]


def test_a_rate_that_the_spread_takes_whole_is_none_on_offer(publish):
    publish(pairs=["UAH/BTC"])
    ExchangeRateFactory(from_currency="UAH", to_currency="BTC", rate=Decimal("0.00000001"))
    assert [offered["rate"] for offered in Client().get("/api/v1/pairs/").json()["pairs"]] == [None]


def test_what_is_on_offer_is_nothing_where_nothing_is_published():
    answer = Client().get("/api/v1/pairs/")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")


def test_the_history_of_a_rate_is_a_bar_a_day(publish, django_assert_num_queries):
    publish()
    past("usd_uah", "41", "42", "40", length=DAY / 2)
    Client().get("/api/v1/pairs/")
    with django_assert_num_queries(1, connection=connections["web"]):
        answer = chart()
    assert answer.status_code == 200, answer.json()
    assert answer.json()["interval"] == "day"
    assert [point["at"] for point in answer.json()["points"]] == ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]
    assert bars(answer) == [(41, 42, 41, 42), (40, 40, 40, 40)]


def test_a_long_period_fills_every_interval_that_it_reaches(publish):
    publish()
    past("usd_uah", "41", length=3 * DAY)
    assert len(bars(chart())) == 3
    assert len(bars(chart(interval="hour"))) == 72
    week = chart(interval="week", since=(MONDAY + DAY).isoformat())
    assert [point["at"] for point in week.json()["points"]] == ["2026-03-02T00:00:00Z"]
    assert bars(week) == [(41, 41, 41, 41)]


def test_days_without_a_rate_are_left_out(publish):
    publish()
    past("usd_uah", "41")
    past("usd_uah", "43", start=MONDAY + 3 * DAY)
    assert [point["at"][:10] for point in chart().json()["points"]] == ["2026-03-02", "2026-03-05"]


def test_the_history_of_a_derived_pair_follows_from_both_of_its_legs(publish):
    publish()
    past("usd_uah", "40", "50")
    past("eur_uah", "60", "80", "90", start=MONDAY + DAY / 2)
    assert bars(chart("uah_usd")) == [tuple([Decimal("0.025")] * 4), tuple([Decimal("0.02")] * 4)]
    assert bars(chart("eur_usd")) == [
        tuple([Decimal("1.5")] * 4),
        (Decimal("1.2"), Decimal("1.6"), Decimal("1.2"), Decimal("1.6")),
    ]


def test_without_a_range_it_is_the_last_thirty_days_and_never_the_future(publish):
    publish()
    now = timezone.now()
    ExchangeRateFactory(rate=40, valid_from=now - 60 * DAY, valid_until=now + DAY)
    ExchangeRateFactory(rate=99, valid_from=now + DAY)
    answer = Client().get("/api/v1/rates/usd_uah/history/", {"until": (now + 9 * DAY).isoformat()})
    assert 30 <= len(bars(answer)) <= 31
    assert set(bars(answer)) == {(40, 40, 40, 40)}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"interval": "hour", "since": "2025-01-01"}, "range_too_long"),
        ({"since": "0001-01-01"}, "range_too_long"),
        ({"since": "2026-03-10"}, "range_invalid"),
        ({"since": "9999-12-31T23:59:59Z"}, "range_invalid"),
        ({"until": "0001-01-01T00:00:00Z"}, "range_invalid"),
        ({"interval": "second"}, "invalid"),
        ({"since": "yesterday"}, "invalid"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "invalid"),
    ],
)
def test_what_cannot_be_charted_is_a_400(publish, query, code):
    publish()
    answer = chart(**query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_thirty_days_before_the_first_of_all_are_none(publish):
    publish()
    answer = Client().get("/api/v1/rates/usd_uah/history/", {"until": "0001-01-05T00:00:00Z"})
    assert (answer.status_code, answer.json()["points"]) == (200, [])


def test_a_rate_that_changed_too_often_asks_for_a_shorter_range(publish, monkeypatch):
    publish()
    monkeypatch.setattr(history, "MOST_ROWS", 2)
    past("usd_uah", "41", "42", "43")
    assert chart().json()["code"] == "range_too_long"
    assert len(bars(chart(until=(MONDAY + 2 * DAY).isoformat()))) == 2


def test_a_pair_that_does_not_exist_has_no_history():
    assert chart("usd_zzz").status_code == 404


def test_an_address_gets_so_many_charts_a_minute_and_others_are_not_held_up(publish):
    publish()
    past("usd_uah", "40")
    fail(HISTORY, "127.0.0.1")
    refused = chart()
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert "points" not in refused.json()
    elsewhere = Client().get("/api/v1/rates/usd_uah/history/", REMOTE_ADDR="192.0.2.1")
    assert elsewhere.status_code == 200
