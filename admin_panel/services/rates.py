"""What operators do to rates: each with a reason, in the audit trail, and only with the permission for it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import require_permission, require_reason
from exchanger.kernel.money.pairs import Pair
from web.models import ExchangeRate, HeldRate
from web.services.held_rates import held_rate_accept, held_rate_reject
from web.services.rates import rate_set

MAY_SET = "web.add_exchangerate"
MAY_DECIDE = "web.change_heldrate"

T = TypeVar("T")


def operator_rate_set(
    *,
    actor: Actor,
    pair: Pair,
    rate: Decimal,
    reason: str,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> ExchangeRate:
    """Put a rate into force, now or from ``valid_from`` on, until another or ``valid_until`` (both aware).

    Raises:
        PermissionDenied: the operator may not set rates.
        admin_panel.services.permissions.ReasonMissing
        web.services.rates.RateRefused: the rate cannot be put into force.
    """
    begins = valid_from or Now()
    of_pair = ExchangeRate.objects.filter(from_currency=pair.source, to_currency=pair.target, valid_from__lte=begins)
    in_force = of_pair.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=begins)).first()
    with audited(
        actor,
        action="rate.set",
        resource=Resource(resource_type(ExchangeRate), pair.title),
        old={"rate": None if in_force is None else in_force.rate},
        new={"rate": rate, "valid_from": valid_from or "now", "valid_until": valid_until, "reason": reason},
    ) as attempt:
        require_permission(actor, MAY_SET)
        require_reason(reason)
        placed = rate_set(pair=pair, rate=rate, set_by=actor.admin_id, valid_from=valid_from, valid_until=valid_until)
        attempt.note(rate_id=str(placed.pk))
    return placed


def operator_held_rate_accept(*, actor: Actor, held_id: UUID, reason: str) -> ExchangeRate:
    """Put a held rate into force.

    Raises:
        PermissionDenied: the operator may not decide on held rates.
        admin_panel.services.permissions.ReasonMissing
        web.services.held_rates.AlreadyDecided, web.services.rates.RateRefused
    """
    return _decide(actor, "accept", held_id, reason, held_rate_accept)


def operator_held_rate_reject(*, actor: Actor, held_id: UUID, reason: str) -> HeldRate:
    """Leave the rate in force. Raises as ``operator_held_rate_accept`` does."""
    return _decide(actor, "reject", held_id, reason, held_rate_reject)


def _decide(actor: Actor, verb: str, held_id: UUID, reason: str, decide: Callable[..., T]) -> T:
    held = HeldRate.objects.get(pk=held_id)
    with audited(
        actor,
        action=f"held_rate.{verb}",
        resource=held,
        old={"status": held.status},
        new={"pair": held.pair.title, "rate": held.rate, "reason": reason},
    ):
        require_permission(actor, MAY_DECIDE)
        require_reason(reason)
        return decide(held_id=held_id, decided_by=actor.admin_id)
