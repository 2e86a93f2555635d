"""Hours in which a person wants no messages: how people write them, and when they end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_TIME: Final = r"(\d{1,2})(?:[:.](\d{2}))?"
_HOURS: Final = re.compile(rf"{_TIME}\s*[-–—−]\s*{_TIME}(?:\s+(\S+))?", re.ASCII)


class Problem(Enum):
    """Why hours cannot be taken as they were written."""

    UNREADABLE = auto()
    EQUAL = auto()
    UNKNOWN_ZONE = auto()


class WrongHours(ValueError):
    """These are no quiet hours; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.name)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``begin`` to ``end`` on the clock of ``zone``, each day; past midnight where ``end`` is the earlier one.

    A time that a day has twice is its first; one that a day leaves out is as if the clock had not been changed.
    """

    begin: time
    end: time
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}–{self.end:%H:%M} ({self.zone.key})"

    def over_at(self, at: datetime) -> datetime | None:
        """The first moment after ``at`` that is not quiet, in UTC; None where ``at`` itself is not."""
        today, over = at.astimezone(self.zone).date(), at
        # A night may have begun yesterday. When clocks are changed, the end of one may lie within the next, which then
        # is waited for as well.
        for days in (-1, 0, 1):
            begin, end = self._night(today + timedelta(days=days))
            if begin <= over < end:
                over = end
        return None if over == at else over

    def _night(self, day: date) -> tuple[datetime, datetime]:
        """The quiet time that begins on a day."""
        last = day if self.begin < self.end else day + timedelta(days=1)
        return self._moment(day, self.begin), self._moment(last, self.end)

    def _moment(self, day: date, at: time) -> datetime:
        # In UTC: Python compares two times of one zone by their clocks, and not by which is earlier.
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def parse_hours(text: str, zone: ZoneInfo) -> Hours:
    """``22-8``, ``22:00–08:00``, ``22.30 - 8 Europe/Kyiv``; in ``zone`` where the text names none.

    Raises:
        WrongHours
    """
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise WrongHours(Problem.UNREADABLE)
    begin, end = _time(found[1], found[2]), _time(found[3], found[4])
    if begin == end:
        raise WrongHours(Problem.EQUAL)
    if found[5] is None:
        return Hours(begin, end, zone)
    name = _zones().get(found[5].casefold())
    if name is None:
        raise WrongHours(Problem.UNKNOWN_ZONE)
    return Hours(begin, end, ZoneInfo(name))


def _time(hour: str, minute: str | None) -> time:
    at = int(hour), int(minute or 0)
    try:
        return time() if at == (24, 0) else time(*at)
    except ValueError:
        raise WrongHours(Problem.UNREADABLE) from None


@cache
def _zones() -> Mapping[str, str]:
    """The names of time zones by what people may type."""
    return {name.casefold(): name for name in available_timezones()}
