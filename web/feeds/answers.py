from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from exchanger.kernel.money.currencies import CEILING
from exchanger.kernel.money.pairs import Pair


class FeedError(Exception):
    """A provider gave no rates that can be used; the message says why, for the log and the operator."""


class WrongAnswer(FeedError):
    """The provider answered, with something that is not what it publishes. Asking again at once would not help."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published rate: units of the second currency for one of the first."""

    rate: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider publishes: its rates, and the day that it publishes them for (the oldest one's)."""

    published_for: date
    rates: Mapping[Pair, Published]


class Provider(Protocol):
    """A source of rates. ``base`` is the currency that each of its rates has on one side."""

    name: str
    base: str
    content_types: frozenset[str]

    def read(self, body: bytes) -> Answer:
        """The rates in an answer's body.

        Raises:
            WrongAnswer
        """
        ...


def checked(rate: Decimal, code: str) -> Published:
    """A rate that can be one: above zero, and of a size that it and its inverse can be kept. Raises WrongAnswer."""
    if not rate.is_finite() or not 1 / CEILING < rate < CEILING:
        raise WrongAnswer(f"the rate of {code} is {rate}")
    return Published(rate)


def complete(rates: Mapping[Pair, Published], days: set[date]) -> Answer:
    """The answer, unless it is empty. Raises WrongAnswer."""
    if not rates or not days:
        raise WrongAnswer("there are no rates in the answer")
    return Answer(min(days), rates)
