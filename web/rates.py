"""The rate of a pair now, stored or derived, with what it follows from and how long it holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from exchanger.kernel.money.pairs import Pair
from web.adapter import WebAdapter
from web.derivation import derive, sources_of
from web.models import ExchangeRate


@dataclass(frozen=True, slots=True)
class CurrentRate:
    """The market's rate of a pair, read from PostgreSQL at ``asked_at``.

    ``valid_from`` and ``valid_until`` (exclusive; None: open) are the time in which nothing that is stored changes it;
    ``confirmed_at`` is when the oldest of what it follows from was last confirmed. ``stored`` are these rates.
    """

    pair: Pair
    rate: Decimal
    valid_from: datetime
    valid_until: datetime | None
    confirmed_at: datetime
    asked_at: datetime
    stored: tuple[ExchangeRate, ...]

    @property
    def source(self) -> str:
        """Who said so: ``manual`` or a provider; both where they are two."""
        return "+".join(sorted({rate.source for rate in self.stored}))

    def is_stale(self, max_age: timedelta) -> bool:
        return self.asked_at - self.confirmed_at > max_age

    def as_json(self) -> dict[str, Any]:
        """What is shown of it, and cached."""
        return {
            "from_currency": self.pair.source,
            "to_currency": self.pair.target,
            "rate": self.rate,
            "valid_from": self.valid_from,
            "valid_until": self.valid_until,
            "confirmed_at": self.confirmed_at,
            "source": self.source,
        }


def find_rate(pair: Pair, base: str) -> CurrentRate | None:
    """The pair's rate now, in one statement; None where there is none."""
    return _derived([pair], base, WebAdapter().find_rates_ahead(sources_of(pair, base))).get(pair)


def find_rates(pairs: Collection[Pair], base: str) -> dict[Pair, CurrentRate]:
    """The rates now of those of ``pairs`` that have one, in one statement."""
    wanted = {source for pair in pairs for source in sources_of(pair, base)}
    return _derived(pairs, base, WebAdapter().find_rates_ahead(wanted))


def _derived(pairs: Iterable[Pair], base: str, ahead: Iterable[Any]) -> dict[Pair, CurrentRate]:
    in_force: dict[Pair, ExchangeRate] = {}
    next_start: dict[Pair, datetime] = {}
    for rate in ahead:
        asked_at = rate.asked_at
        if rate.valid_from <= asked_at:
            in_force[rate.pair] = rate
        else:
            next_start.setdefault(rate.pair, rate.valid_from)
    found = {}
    for pair in pairs:
        derived = derive(pair, base, in_force)
        if derived is not None:
            # A pair's own rate holds until its period ends; a derived one also gives way to what comes before it.
            before = [] if derived.legs[0].pair == pair else sources_of(pair, base)
            starts = [next_start[source] for source in before if source in next_start]
            ends = [leg.valid_until for leg in derived.legs if leg.valid_until is not None]
            found[pair] = CurrentRate(
                pair,
                derived.rate,
                valid_from=max(leg.valid_from for leg in derived.legs),
                valid_until=min([*starts, *ends], default=None),
                confirmed_at=min(max(leg.confirmed_at, leg.valid_from) for leg in derived.legs),
                asked_at=asked_at,
                stored=derived.legs,
            )
    return found
