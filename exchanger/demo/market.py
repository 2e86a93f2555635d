"""What the demo's exchange offers: currencies with their amounts and limits, pairs, rates by day, spread and fee."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from exchanger.demo.series import PAIRS, DailyRate, daily_rates
from exchanger.kernel.money import pairs
from exchanger.kernel.money.currencies import currency
from web.derivation import derive

Pair = tuple[str, str]

BASE: Final = "UAH"
"""The currency that the stored rates are against; the other pairs' rates follow from these."""

KYIV: Final = ZoneInfo("Europe/Kyiv")
"""Where the house is, and most of its clients."""

HISTORY: Final = timedelta(days=90)
"""How far the demo looks back from its anchor."""

FEE: Final = Decimal("0.003")
"""The house's fee, as a share of what the client is to receive."""

WEB_PUBLISHED: Final = {1: timedelta(days=95), 2: timedelta(days=21, hours=4)}
"""How long before the anchor each version of the web configuration was published."""

SPREADS: Final = {1: Decimal("0.006"), 2: Decimal("0.005")}
"""The spread that each version sets: the share of the rate that the house keeps."""

MIN_SIGNIFICANT_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and how people exchange it; amounts are in its units.

    Usual amounts lie between ``low`` and ``high`` in round steps of ``step``, and the odd
    ones have ``odd_places`` decimals; an order may be of ``minimum`` to ``maximum``.
    """

    code: str
    low: Decimal
    high: Decimal
    step: Decimal
    odd_places: int
    minimum: Decimal
    maximum: Decimal

    def rounded(self, amount: Decimal) -> Decimal:
        """``amount`` to the minor unit, half to even."""
        return amount.quantize(currency(self.code).unit, rounding=ROUND_HALF_EVEN)

    def some_amount(self, chances: Random) -> Decimal:
        """An amount as people ask for: mostly small, mostly round."""
        ratio = self.high / self.low
        amount = self.low * ratio ** Decimal(chances.random())
        if chances.random() < 0.85:
            return max(self.low, self.rounded(amount // self.step * self.step))
        return self.rounded(amount.quantize(Decimal(1).scaleb(-self.odd_places)))


def _currency(code: str, low: str, high: str, step: str, odd_places: int, minimum: str, maximum: str) -> Currency:
    return Currency(code, Decimal(low), Decimal(high), Decimal(step), odd_places, Decimal(minimum), Decimal(maximum))


CURRENCIES: Final = {
    currency.code: currency
    for currency in (
        _currency("UAH", "2000", "120000", "500", 2, "1000", "400000"),
        _currency("USD", "50", "3000", "10", 2, "20", "10000"),
        _currency("EUR", "50", "2500", "10", 2, "20", "10000"),
        _currency("GBP", "50", "1500", "10", 2, "20", "8000"),
        _currency("PLN", "200", "8000", "50", 2, "100", "40000"),
        _currency("USDT", "50", "5000", "10", 2, "20", "20000"),
        _currency("BTC", "0.002", "0.15", "0.001", 5, "0.001", "1"),
    )
}

DEMAND: Final[dict[Pair, int]] = {
    ("USD", "UAH"): 22, ("UAH", "USD"): 20, ("EUR", "UAH"): 13, ("UAH", "EUR"): 12,
    ("USDT", "UAH"): 11, ("UAH", "USDT"): 9, ("PLN", "UAH"): 6, ("UAH", "PLN"): 3,
    ("BTC", "USDT"): 3, ("BTC", "UAH"): 3, ("EUR", "USD"): 2, ("USD", "EUR"): 2,
    ("GBP", "UAH"): 2, ("UAH", "GBP"): 1,
}  # fmt: skip
"""How often each pair is asked for, relative to the others."""


class RateBook:
    """The recorded series, laid so that its last day is the anchor's, and continued beyond it.

    After its last day the series is replayed backwards, then forwards again: the rates go on moving as real ones do,
    without a jump where the record ends, and the rate of a day never depends on when it is asked for.
    """

    def __init__(self, last_recorded_day: date) -> None:
        self._last = last_recorded_day
        days: dict[date, dict[pairs.Pair, DailyRate]] = {}
        for row in daily_rates(last_recorded_day):
            if row.to_currency == BASE:
                days.setdefault(row.day, {})[pairs.Pair(row.from_currency, BASE)] = row
        series = {pair: [_derived(pair, stored) for stored in days.values()] for pair in PAIRS}
        self._series = {pair: rates for pair, rates in series.items() if _precise(rates)}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs on offer: those whose rate keeps enough digits in the eight decimals that are stored."""
        return tuple(self._series)

    @property
    def stored(self) -> tuple[Pair, ...]:
        """The pairs whose rates are stored: those against the base currency."""
        return tuple(pair for pair in self._series if pair[1] == BASE)

    @property
    def first_day(self) -> date:
        return self._last - HISTORY

    def on(self, pair: Pair, day: date) -> Decimal:
        """Units of the second currency for one of the first, on a day from ``first_day`` on (UTC)."""
        rates = self._series[pair]
        turn = len(rates) - 1
        position = (turn + (day - self._last).days) % (2 * turn)
        return rates[position if position <= turn else 2 * turn - position]

    def in_hryvnia(self, amount: Decimal, currency: str, day: date) -> Decimal:
        """What ``amount`` is worth in UAH that day, to the kopiyka."""
        rate = Decimal(1) if currency == "UAH" else self.on((currency, "UAH"), day)
        return CURRENCIES["UAH"].rounded(amount * rate)


def days_between(first: date, last: date) -> Iterator[date]:
    """The days from ``first`` to ``last``, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def spread_at(moment: datetime, anchor: datetime) -> Decimal:
    """The spread that the configuration in force at ``moment`` sets."""
    version = max(version for version, age in WEB_PUBLISHED.items() if moment >= anchor - age)
    return SPREADS[version]


def _derived(pair: Pair, stored: dict[pairs.Pair, DailyRate]) -> Decimal:
    """A day's rate of a pair, by the rule that the web application derives it by; zero where it is too small."""
    derived = derive(pairs.Pair(*pair), BASE, stored)
    return Decimal(0) if derived is None else derived.rate


def _precise(rates: list[Decimal]) -> bool:
    return min(len(rate.as_tuple().digits) for rate in rates) >= MIN_SIGNIFICANT_DIGITS
