"""How a pair's rate follows from the rates that are stored. One rule, for quotes, for showing and for history.

1. The pair's own rate, where it has one.
2. Else the inverse of the opposite pair's.
3. Else through the base currency: into it and out of it again, each leg by rule 1 or 2.

What is worked out is exact until its end and is then rounded down to eight decimals, once. The opposite pair's own
rate is never worked out from this one, so a house that buys and sells at different rates stores both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from exchanger.kernel.money.currencies import CEILING
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.money.rounding import exactly, round_rate


class Rated(Protocol):
    """Whatever has a rate."""

    @property
    def rate(self) -> Decimal: ...


R = TypeVar("R", bound=Rated)


@dataclass(frozen=True, slots=True)
class Derived(Generic[R]):
    """A pair's rate and the stored rates that it follows from: one, or two where it goes through the base currency."""

    pair: Pair
    rate: Decimal
    legs: tuple[R, ...]


@dataclass(frozen=True, slots=True)
class _Leg(Generic[R]):
    exact: Decimal
    stored: R


def sources_of(pair: Pair, base: str) -> list[Pair]:
    """Every pair whose stored rate could have a part in ``pair``'s."""
    found = [pair, pair.inverse]
    if base not in pair:
        into, out = Pair(pair.source, base), Pair(base, pair.target)
        found += [into, into.inverse, out, out.inverse]
    return found


def derive(pair: Pair, base: str, stored: Mapping[Pair, R]) -> Derived[R] | None:
    """The pair's rate by the rule above; None where nothing leads to it, or the tables could not keep it."""
    legs: list[R] = []
    with exactly():
        direct = base in pair or _leg(pair, stored) is not None
        exact, way = Decimal(1), [pair] if direct else [Pair(pair.source, base), Pair(base, pair.target)]
        for step in way:
            if (leg := _leg(step, stored)) is None:
                return None
            exact *= leg.exact
            legs.append(leg.stored)
        rate = round_rate(exact)  # a stored rate has no more decimals than this leaves
    return Derived(pair, rate, tuple(legs)) if 0 < rate < CEILING else None


def _leg(pair: Pair, stored: Mapping[Pair, R]) -> _Leg[R] | None:
    """Rules 1 and 2; called inside ``exactly``."""
    if (own := stored.get(pair)) is not None:
        return _Leg(own.rate, own)
    if (opposite := stored.get(pair.inverse)) is not None:
        return _Leg(1 / opposite.rate, opposite)
    return None
