"""How a pair's rate went, ready for a chart: opening, highest, lowest and closing rate of each interval."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.refusals import Refused
from web.adapter import WebAdapter
from web.derivation import derive, sources_of
from web.models import ExchangeRate

INTERVALS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
MOST_POINTS: Final = 500
MOST_ROWS: Final = 10_000
_A_MONDAY: Final = datetime(2024, 1, 1, tzinfo=UTC)


class HistoryRefused(Refused):
    """More was asked for than one answer holds."""

    codes = {
        400: {
            "range_invalid": "The range ends after it begins: change since or until.",
            "range_too_long": "One answer holds 500 points: ask for a shorter range or a longer interval.",
        }
    }


@dataclass(slots=True)
class Point:
    """The interval that begins at ``at`` (UTC; weeks on Mondays), as far as there was a rate in it."""

    at: datetime
    open: Decimal
    close: Decimal
    high: Decimal = field(init=False)
    low: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.high = self.low = self.open

    def add(self, rate: Decimal) -> None:
        self.close, self.high, self.low = rate, max(self.high, rate), min(self.low, rate)


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that did not change from ``since`` until ``until``."""

    since: datetime
    until: datetime
    rate: Decimal


def rate_history(pair: Pair, base: str, *, since: datetime, until: datetime, interval: str) -> list[Point]:
    """The points from ``since`` until ``until`` (aware; in the past), oldest first; where there was no rate is none.

    The rates of the time are derived by the rule of today.

    Raises:
        HistoryRefused: ``range_invalid`` or ``range_too_long``.
    """
    length = INTERVALS[interval]
    if since >= until:
        raise HistoryRefused("range_invalid", "The range ends after it begins: change since or until.")
    first = _aligned(since, length)
    if (until - first) / length > MOST_POINTS:
        raise HistoryRefused(
            "range_too_long",
            f"One answer holds {MOST_POINTS} points: ask for a shorter range or a longer interval.",
            details={"most_points": MOST_POINTS},
        )
    sources = sources_of(pair, base)
    rows = list(WebAdapter().find_rates_between(sources, since, until)[: MOST_ROWS + 1])
    if len(rows) > MOST_ROWS:
        raise HistoryRefused("range_too_long", "The rate changed too often in that time: ask for a shorter range.")
    return _points(_steps(pair, base, rows, since, until), first, length)


def _aligned(moment: datetime, length: timedelta) -> datetime:
    return _A_MONDAY + (moment - _A_MONDAY) // length * length


def _steps(pair: Pair, base: str, rows: Sequence[ExchangeRate], since: datetime, until: datetime) -> Iterator[Step]:
    """The times in which nothing changed: between every beginning and end of a stored rate."""
    begun = {max(row.valid_from, since) for row in rows}
    ended = {row.valid_until for row in rows if row.valid_until is not None and row.valid_until < until}
    waiting = list(reversed(rows))  # the earliest is the last
    in_force: dict[Pair, ExchangeRate] = {}
    for start, end in pairwise(sorted({since, until, *begun, *ended})):
        while waiting and waiting[-1].valid_from <= start:
            row = waiting.pop()
            in_force[row.pair] = row
        current = {key: row for key, row in in_force.items() if row.valid_until is None or row.valid_until > start}
        if (derived := derive(pair, base, current)) is not None:
            yield Step(start, end, derived.rate)


def _points(steps: Iterable[Step], first: datetime, length: timedelta) -> list[Point]:
    points: list[Point] = []
    for step in steps:
        at = first + (step.since - first) // length * length
        while at < step.until:
            if not points or points[-1].at != at:
                points.append(Point(at, step.rate, step.rate))
            else:
                points[-1].add(step.rate)
            at += length
    return points
