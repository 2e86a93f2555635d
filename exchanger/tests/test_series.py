"""Tests of the recorded series the demo replays."""

from collections import Counter
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from exchanger.demo import series
from exchanger.demo.series import BASE_PAIRS, PAIRS, DailyRate, daily_rates, recorded_days

DAYS = 91
LAST_DAY = date(2031, 2, 3)  # any day other than the recorded one: the series is shifted to it
RECORDED_LAST_DAY = date(2026, 9, 29)
HALF_UNIT = Decimal("0.000000005")  # half of the 8th decimal: the most one rounding moves a rate


@pytest.fixture
def rates() -> list[DailyRate]:
    return list(daily_rates(LAST_DAY))


def recorded(day: date, from_currency: str, to_currency: str) -> Decimal:
    """Return the rate on a true, unshifted date: units of ``to_currency`` for one unit of ``from_currency``."""
    found = [
        row.rate
        for row in daily_rates(RECORDED_LAST_DAY)
        if (row.day, row.from_currency, row.to_currency) == (day, from_currency, to_currency)
    ]
    assert len(found) == 1
    return found[0]


def test_pairs_are_the_eight_and_their_inverses() -> None:
    assert set(BASE_PAIRS) == {
        ("USD", "UAH"),
        ("EUR", "UAH"),
        ("PLN", "UAH"),
        ("GBP", "UAH"),
        ("EUR", "USD"),
        ("BTC", "USDT"),
        ("BTC", "UAH"),
        ("USDT", "UAH"),
    }
    assert len(PAIRS) == len(set(PAIRS)) == 16
    assert {(quote, base) for base, quote in PAIRS} == set(PAIRS)


def test_every_pair_has_every_day_exactly_once_and_none_is_missing(rates: list[DailyRate]) -> None:
    expected_days = [LAST_DAY - timedelta(days=age) for age in range(DAYS - 1, -1, -1)]
    assert len(rates) == DAYS * len(PAIRS)
    for pair in PAIRS:
        assert [row.day for row in rates if (row.from_currency, row.to_currency) == pair] == expected_days


def test_rows_come_oldest_first_and_in_the_order_of_the_pairs(rates: list[DailyRate]) -> None:
    assert [row.day for row in rates] == sorted(row.day for row in rates)
    assert [(row.from_currency, row.to_currency) for row in rates] == list(PAIRS) * DAYS


@pytest.mark.parametrize("last_day", [RECORDED_LAST_DAY, LAST_DAY, date(2024, 2, 29), date(1999, 12, 31)])
def test_the_final_day_is_the_argument(last_day: date) -> None:
    days = Counter(row.day for row in daily_rates(last_day))
    assert max(days) == last_day
    assert min(days) == last_day - timedelta(days=DAYS - 1)
    assert set(days.values()) == {len(PAIRS)}


def test_the_shift_moves_dates_and_leaves_rates_alone(rates: list[DailyRate]) -> None:
    unshifted = list(daily_rates(RECORDED_LAST_DAY))
    assert [row.rate for row in rates] == [row.rate for row in unshifted]
    assert {new.day - old.day for new, old in zip(rates, unshifted, strict=True)} == {LAST_DAY - RECORDED_LAST_DAY}


def test_recorded_days_end_on_the_documented_day() -> None:
    assert len(recorded_days()) == DAYS
    assert recorded_days()[0] == date(2026, 7, 1)
    assert recorded_days()[-1] == RECORDED_LAST_DAY


def test_rates_are_positive_decimals_with_eight_decimals(rates: list[DailyRate]) -> None:
    for row in rates:
        assert isinstance(row.rate, Decimal)
        assert row.rate > 0
        assert row.rate.as_tuple().exponent == -8


def test_an_inverse_agrees_with_its_pair_within_rounding(rates: list[DailyRate]) -> None:
    by_key = {(row.day, row.from_currency, row.to_currency): row.rate for row in rates}
    for base, quote in BASE_PAIRS:
        for day in {row.day for row in rates}:
            rate, inverse = by_key[day, base, quote], by_key[day, quote, base]
            # Both were rounded: the inverse by half a unit, and the rate by half a unit, which 1/rate scales by
            # 1/rate**2. Every rate in its customary direction is above 1, so the sum stays below one unit.
            assert rate > 1
            assert abs(inverse - 1 / rate) <= HALF_UNIT * (1 + 1 / rate**2) * Decimal("1.000001")


def test_crosses_through_the_dollar_agree_within_rounding(rates: list[DailyRate]) -> None:
    by_key = {(row.day, row.from_currency, row.to_currency): row.rate for row in rates}
    for day in {row.day for row in rates}:
        eur_uah = by_key[day, "EUR", "USD"] * by_key[day, "USD", "UAH"]
        btc_uah = by_key[day, "BTC", "USDT"] * by_key[day, "USDT", "UAH"]
        assert by_key[day, "EUR", "UAH"] == pytest.approx(eur_uah, rel=Decimal("1e-7"))
        assert by_key[day, "BTC", "UAH"] == pytest.approx(btc_uah, rel=Decimal("1e-7"))


@pytest.mark.parametrize(
    ("day", "published"),
    [
        (date(2026, 7, 1), Decimal("1.1383")),
        (date(2026, 8, 21), Decimal("1.1699")),  # the highest of the period
        (date(2026, 9, 29), Decimal("1.1355")),
    ],
)
def test_eur_usd_is_the_reference_rate_the_ecb_published(day: date, published: Decimal) -> None:
    # The file keeps USD->EUR with 6 decimals, so the rate the ECB published comes back to about 1e-6.
    assert abs(recorded(day, "EUR", "USD") - published) < Decimal("0.000001")


def test_weekend_carries_friday_forward() -> None:
    friday = recorded(date(2026, 9, 25), "EUR", "USD")
    assert friday == pytest.approx(Decimal("1.1403"), abs=Decimal("0.000001"))
    assert recorded(date(2026, 9, 26), "EUR", "USD") == friday
    assert recorded(date(2026, 9, 27), "EUR", "USD") == friday
    assert recorded(date(2026, 9, 28), "EUR", "USD") != friday


def test_observed_hryvnia_rate_comes_back_unchanged() -> None:
    assert recorded(RECORDED_LAST_DAY, "USD", "UAH") == Decimal("44.92396045")


@pytest.mark.parametrize(
    ("pair", "low", "high"),
    [
        (("USD", "UAH"), "44", "46"),
        (("EUR", "UAH"), "50", "53"),
        (("PLN", "UAH"), "11.5", "12.5"),
        (("GBP", "UAH"), "59", "62"),
        (("EUR", "USD"), "1.13", "1.18"),
        (("BTC", "USDT"), "60000", "86000"),
        (("BTC", "UAH"), "2600000", "3900000"),
        (("USDT", "UAH"), "44", "46"),
    ],
)
def test_rates_stay_in_the_band_of_the_period(
    rates: list[DailyRate], pair: tuple[str, str], low: str, high: str
) -> None:
    values = [row.rate for row in rates if (row.from_currency, row.to_currency) == pair]
    assert Decimal(low) < min(values) <= max(values) < Decimal(high)


def test_daily_rate_is_immutable(rates: list[DailyRate]) -> None:
    with pytest.raises(FrozenInstanceError):
        rates[0].rate = Decimal(1)  # type: ignore[misc]


HEADER = "date,base,quote,rate,source\n"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace(HEADER, "day,base,quote,rate,source\n"), "unexpected columns"),
        (lambda text: text.replace("44.92396045", "-44.92396045"), "not a positive number"),
        (lambda text: text.replace("44.92396045", "n/a"), "not a positive number"),
        (lambda text: text.replace(",44.92396045,currency-api", ""), "not a positive number"),
        (lambda text: text.replace("2026-09-29,BTC,USD", "2026-09-29,BTC,EUR"), "neither side is USD"),
        (lambda text: text.replace("2026-09-29,BTC,USD", "2026-09-28,BTC,USD"), "BTC is given twice on 2026-09-28"),
        (lambda text: text.replace("\n2026-08-15,", "\n# 2026-08-15,"), "not consecutive"),
        (lambda text: text.replace("\n2026-08-15,BTC", "\n# 2026-08-15,BTC"), "2026-08-15 lacks BTC"),
        (lambda text: text.partition(HEADER)[0] + HEADER, "not consecutive"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[str], str], message: str
) -> None:
    original = series.RATES_FILE.read_text(encoding="utf-8")
    damaged = damage(original)
    assert damaged != original
    copy = tmp_path / "rates.csv"
    copy.write_text(damaged, encoding="utf-8")
    monkeypatch.setattr(series, "RATES_FILE", copy)
    series._recorded_usd_values.cache_clear()
    try:
        with pytest.raises(ValueError, match=message):
            list(daily_rates(LAST_DAY))
    finally:
        series._recorded_usd_values.cache_clear()
