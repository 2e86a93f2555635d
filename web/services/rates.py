"""Writes of rates. Whoever writes one waits for the others of its pair, so periods neither overlap nor collide."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Q

from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import RATES
from exchanger.kernel.money.currencies import CEILING, MOST_PLACES
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.money.rounding import exactly
from exchanger.kernel.refusals import Refused
from web.configuration import NotConfigured, read_configuration
from web.models import MANUAL, ExchangeRate

# A hash of the pair's two codes in one order: both directions of a pair wait for each other.
_LOCK = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('exchanger rate ' || %s, 0)))
SELECT clock_timestamp() FROM held
"""


class RateRefused(Refused):
    """The rate cannot be put into force; nothing was changed."""


def rate_set(
    *,
    pair: Pair,
    rate: Decimal,
    source: str = MANUAL,
    set_by: UUID | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> ExchangeRate:
    """Put a rate into force from ``valid_from`` (now) until ``valid_until`` (aware UTC; None: open), closing the old.

    A rate that is scheduled to begin later stays: an open one ends where that begins. A scheduled rate that would
    begin at the very moment is replaced. The cached rates that follow from it are dropped at commit.

    Raises:
        RateRefused: ``rate_invalid``, ``rate_period``, ``rate_scheduled`` or ``rate_round_trip``.
        exchanger.kernel.money.pairs.WrongPair: a currency is not known, or both are the same.
    """
    pair = Pair.parse(pair.title)
    _check(rate)
    with locked(pair) as now:
        return place(Period(pair, rate, source, set_by, now if valid_from is None else valid_from, valid_until, now))


@dataclass(frozen=True, slots=True)
class Period:
    """A rate to be put into force; ``now`` is PostgreSQL's clock under the pair's lock."""

    pair: Pair
    rate: Decimal
    source: str
    set_by: UUID | None
    valid_from: datetime
    valid_until: datetime | None
    now: datetime


@contextmanager
def locked(pair: Pair) -> Iterator[datetime]:
    """A transaction on ``web`` in which nobody else writes rates of the pair or its inverse; yields the time."""
    with transaction.atomic(using="web"), connections["web"].cursor() as cursor:
        cursor.execute(_LOCK, ["/".join(sorted(pair))])
        found = cursor.fetchone()
        assert found is not None
        yield found[0]


def place(period: Period) -> ExchangeRate:
    """``rate_set`` under the pair's lock, which the caller holds."""
    if period.valid_from < period.now or (period.valid_until is not None and period.valid_until <= period.valid_from):
        raise RateRefused("rate_period", "A rate begins now or later, and ends after it has begun: change the times.")
    pair, start = period.pair, period.valid_from
    ahead = list(
        ExchangeRate.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=start), from_currency=pair.source, to_currency=pair.target
        ).order_by("valid_from")
    )
    later = [rate for rate in ahead if rate.valid_from > start]
    until = period.valid_until
    if later and until is None:
        until = later[0].valid_from
    elif later and until is not None and until > later[0].valid_from:
        raise RateRefused(
            "rate_scheduled",
            f"Another rate of {pair.title} begins at {later[0].valid_from:%Y-%m-%d %H:%M} UTC: end this one by then.",
            details={"valid_from": later[0].valid_from.isoformat()},
        )
    _check_round_trip(period, until)
    placed = next((rate for rate in ahead if rate.valid_from == start), None)
    for rate in ahead:
        if rate.valid_from < start:
            rate.valid_until = start
            rate.save(update_fields=["valid_until"])
    if placed is None:
        placed = ExchangeRate(from_currency=pair.source, to_currency=pair.target, valid_from=start)
    placed.rate, placed.source, placed.set_by = period.rate, period.source, period.set_by
    placed.valid_until, placed.confirmed_at = until, max(period.now, start)
    placed.save()
    forget_cached([pair])
    return placed


def forget_cached(changed: Collection[Pair]) -> None:
    """Drop, at commit, the cached rates that may follow from those of ``changed``; needs a transaction on ``web``.

    These are their own and, of the pairs on offer, those with one of their currencies: no other rate is cached.
    """
    try:
        offered = read_configuration().pairs
    except NotConfigured:
        offered = ()
    currencies = {code for pair in changed for code in pair}
    affected = {*changed, *(pair for pair in offered if currencies & set(pair))}
    keys = [key for pair in sorted(affected) for key in RATES.deletable_keys(pair.code)]
    invalidate_on_commit(keys, using="web")


def _check(rate: Decimal) -> None:
    if not rate.is_finite() or not 0 < rate < CEILING:
        raise RateRefused("rate_invalid", "A rate is a number above zero and below 10000000000.")
    exponent = rate.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MOST_PLACES:
        raise RateRefused("rate_invalid", "A rate has at most eight decimals: round it.")


def _check_round_trip(period: Period, until: datetime | None) -> None:
    """Refuse a rate with which exchanging there and back at stored rates would gain."""
    opposite = ExchangeRate.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=period.valid_from),
        from_currency=period.pair.target,
        to_currency=period.pair.source,
    )
    if until is not None:
        opposite = opposite.filter(valid_from__lt=until)
    with exactly():
        gains = [rate for rate in opposite if rate.rate * period.rate > 1]
    if gains:
        raise RateRefused(
            "rate_round_trip",
            f"With {period.pair.inverse.title} at {gains[0].rate:f}, exchanging there and back would gain: "
            "lower that rate first, or this one.",
            status=409,
            details={"opposite_rate": f"{gains[0].rate:f}"},
        )
