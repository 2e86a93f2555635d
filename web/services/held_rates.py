"""Rates of providers that wait for an operator: held by the feeds, accepted or rejected in the operators' panel."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from exchanger.kernel.money.currencies import CEILING
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.money.rounding import RATE_UNIT, exactly
from exchanger.kernel.refusals import Refused
from web.models import ExchangeRate, HeldRate, HeldReason, HeldStatus
from web.services.rates import Period, locked, place


class AlreadyDecided(Refused):
    """Somebody else has accepted or rejected the rate, or its provider has replaced it; nothing was changed."""

    def __init__(self, held: HeldRate) -> None:
        super().__init__("already_decided", f"This rate is {held.status} already: look at the list anew.", status=409)


def held_rate_accept(*, held_id: UUID, decided_by: UUID) -> ExchangeRate:
    """Put a held rate into force now, whatever is in force.

    Raises:
        AlreadyDecided
        web.services.rates.RateRefused: it cannot be put into force; it stays pending.
        HeldRate.DoesNotExist
    """
    with _pending(held_id) as (held, now):
        placed = place(Period(held.pair, held.rate, held.source, decided_by, now, None, now))
        _decide(held, HeldStatus.ACCEPTED, decided_by, now)
        return placed


def held_rate_reject(*, held_id: UUID, decided_by: UUID) -> HeldRate:
    """Leave the rate in force; this very rate of that day is not held again. Raises as ``held_rate_accept`` does."""
    with _pending(held_id) as (held, now):
        _decide(held, HeldStatus.REJECTED, decided_by, now)
        return held


def held_rate_add(
    *,
    pair: Pair,
    rate: Decimal,
    rate_in_force: Decimal | None,
    source: str,
    published_for: date,
    reason: HeldReason,
) -> HeldRate | None:
    """Hold a rate; None when an operator has rejected it before. What its provider said before is superseded.

    The caller holds the pair's lock.
    """
    same = HeldRate.objects.filter(
        from_currency=pair.source, to_currency=pair.target, source=source, rate=rate, published_for=published_for
    )
    if same.filter(status=HeldStatus.REJECTED).exists():
        return None
    if (waiting := same.filter(status=HeldStatus.PENDING).first()) is not None:
        return waiting
    held_rates_supersede(pair=pair, source=source)
    return HeldRate.objects.create(
        from_currency=pair.source,
        to_currency=pair.target,
        rate=rate,
        rate_in_force=rate_in_force,
        deviation_percent=None if rate_in_force is None else deviation_percent(rate, rate_in_force),
        source=source,
        published_for=published_for,
        reason=reason,
    )


def held_rates_supersede(*, pair: Pair, source: str) -> None:
    """What the provider said before no longer waits: it has said something else. The caller holds the pair's lock."""
    pending = HeldRate.objects.filter(
        from_currency=pair.source, to_currency=pair.target, source=source, status=HeldStatus.PENDING
    )
    pending.update(status=HeldStatus.SUPERSEDED)


def deviation_percent(rate: Decimal, compared: Decimal) -> Decimal:
    """How far ``rate`` is from ``compared``, in percent of that, signed; cut where the tables could not keep it."""
    with exactly():
        percent = ((rate / compared - 1) * 100).quantize(RATE_UNIT, rounding=ROUND_HALF_EVEN)
    return min(percent, CEILING - RATE_UNIT)


@contextmanager
def _pending(held_id: UUID) -> Iterator[tuple[HeldRate, datetime]]:
    pair = HeldRate.objects.get(pk=held_id).pair
    with locked(pair) as now:
        held = HeldRate.objects.get(pk=held_id)  # as it is under the lock, with which every decision is made
        if held.status != HeldStatus.PENDING:
            raise AlreadyDecided(held)
        yield held, now


def _decide(held: HeldRate, status: HeldStatus, decided_by: UUID, now: datetime) -> None:
    held.status, held.decided_by, held.decided_at = status, decided_by, now
    held.save(update_fields=["status", "decided_by", "decided_at"])
