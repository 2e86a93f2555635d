"""Recorded exchange rates for the demo: 91 consecutive days read from ``rates.csv`` beside this module.

The values are real, but not every one is an observation: the ``source`` column of the file marks the days
carried forward over weekends and those interpolated between weekly observations; the comment lines at its top
say where the data comes from and by which rules.

Every rate here is a :class:`~decimal.Decimal` in units of ``to_currency`` for one unit of ``from_currency``.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from functools import cache
from pathlib import Path
from typing import Final

RATES_FILE: Final = Path(__file__).with_name("rates.csv")

BASE_PAIRS: Final[tuple[tuple[str, str], ...]] = (
    ("USD", "UAH"),
    ("EUR", "UAH"),
    ("PLN", "UAH"),
    ("GBP", "UAH"),
    ("EUR", "USD"),
    ("BTC", "USDT"),
    ("BTC", "UAH"),
    ("USDT", "UAH"),
)
"""The pairs in their customary direction, as ``(from_currency, to_currency)``."""

PAIRS: Final[tuple[tuple[str, str], ...]] = tuple(
    pair for base, quote in BASE_PAIRS for pair in ((base, quote), (quote, base))
)
"""Every pair on offer: each of :data:`BASE_PAIRS` followed by its inverse."""

_COLUMNS: Final = ["date", "base", "quote", "rate", "source"]
_PIVOT: Final = "USD"
_QUANTUM: Final = Decimal("0.00000001")  # 8 decimals
_WORKING_PRECISION: Final = 40  # significant digits, so that only the final quantization rounds visibly


@dataclass(frozen=True, slots=True)
class DailyRate:
    """The rate of one currency pair on one day.

    Attributes:
        day: The calendar day the rate is shown for.
        from_currency: Code of the currency being converted, e.g. ``EUR``.
        to_currency: Code of the currency received, e.g. ``UAH``.
        rate: Units of ``to_currency`` for one unit of ``from_currency``, with 8 decimals.
    """

    day: date
    from_currency: str
    to_currency: str
    rate: Decimal


def recorded_days() -> tuple[date, ...]:
    """Return the calendar days the values were recorded for, oldest first, without any shift."""
    return tuple(_recorded_usd_values())


def daily_rates(last_day: date) -> Iterator[DailyRate]:
    """Replay the recorded series so that its final day is ``last_day``.

    All days move by the same number of days, so the order and the spacing of the values stay as recorded, but a
    date shown is in general not the date its value was recorded on, and neither are the days of the week: the
    flat stretches of the recorded weekends may fall on working days. Pass ``recorded_days()[-1]`` to get the
    series on its true dates.

    Rates between two currencies neither of which is the US dollar are crossed through the US dollar. Each rate,
    inverses included, is computed from the recorded values and rounded once, half-even, to 8 decimals; the
    inverse of a large rate (e.g. UAH to BTC) therefore keeps only few significant digits.

    Args:
        last_day: The calendar day to show the newest recorded values for.

    Yields:
        One :class:`DailyRate` per day and pair: oldest day first, within a day in the order of :data:`PAIRS`.

    Raises:
        ValueError: If the bundled file is malformed or incomplete.
    """
    usd_values_by_day = _recorded_usd_values()
    shift = last_day - recorded_days()[-1]
    for recorded_day, usd_values in usd_values_by_day.items():
        day = recorded_day + shift
        for from_currency, to_currency in PAIRS:
            yield DailyRate(day, from_currency, to_currency, _cross(usd_values, from_currency, to_currency))


def _cross(usd_values: dict[str, Decimal], from_currency: str, to_currency: str) -> Decimal:
    """Return units of ``to_currency`` for one unit of ``from_currency``, rounded half-even to 8 decimals."""
    with localcontext() as context:
        context.prec = _WORKING_PRECISION
        return (usd_values[from_currency] / usd_values[to_currency]).quantize(_QUANTUM, rounding=ROUND_HALF_EVEN)


@cache
def _recorded_usd_values() -> dict[date, dict[str, Decimal]]:
    """Read the bundled file once: per recorded day, the value of one unit of each currency in US dollars."""
    values: dict[date, dict[str, Decimal]] = {}
    with RATES_FILE.open(encoding="utf-8", newline="") as file, localcontext() as context:
        context.prec = _WORKING_PRECISION
        reader = csv.DictReader(line for line in file if not line.startswith("#"))
        if reader.fieldnames != _COLUMNS:
            raise ValueError(f"{RATES_FILE.name}: unexpected columns {reader.fieldnames}")
        for row in reader:
            rate = _positive(row)
            if row["base"] == _PIVOT:
                currency, usd_value = row["quote"], 1 / rate
            elif row["quote"] == _PIVOT:
                currency, usd_value = row["base"], rate
            else:
                raise ValueError(f"{RATES_FILE.name}: neither side is {_PIVOT} in {row}")
            of_day = values.setdefault(date.fromisoformat(row["date"]), {_PIVOT: Decimal(1)})
            if currency in of_day:
                raise ValueError(f"{RATES_FILE.name}: {currency} is given twice on {row['date']}")
            of_day[currency] = usd_value
    _check_complete(values)
    return values


def _positive(row: dict[str, str]) -> Decimal:
    """Return the rate of a row, units of its quote for one unit of its base; ``ValueError`` unless above zero."""
    try:
        rate = Decimal(row["rate"])
    except (InvalidOperation, TypeError):  # not a number, or a row cut short
        rate = Decimal("NaN")
    if not (rate.is_finite() and rate > 0):
        raise ValueError(f"{RATES_FILE.name}: rate is not a positive number in {row}")
    return rate


def _check_complete(values: dict[date, dict[str, Decimal]]) -> None:
    """Raise ``ValueError`` unless the days are consecutive and each has every currency of :data:`PAIRS`."""
    days = list(values)
    if not days or days != [days[0] + timedelta(days=offset) for offset in range(len(days))]:
        raise ValueError(f"{RATES_FILE.name}: the days are not consecutive")
    currencies = {currency for pair in PAIRS for currency in pair}
    for day, of_day in values.items():
        if missing := currencies - of_day.keys():
            raise ValueError(f"{RATES_FILE.name}: {day} lacks {', '.join(sorted(missing))}")
