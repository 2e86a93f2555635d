"""What operators do to orders, payments and refunds: with a reason, in the audit trail, and with the permission for it.

Every function raises PermissionDenied without its permission, ReasonMissing without a reason, and what the web
application's service refuses with, which is how the second of two operators learns that somebody was first.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from admin_panel.resources import resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import require_permission, require_reason
from web.models import Order, Payment, Refund
from web.services import fulfilment, refunds, transfers

MAY_WORK = "web.change_order"
MAY_CONFIRM = "web.change_payment"
MAY_REFUND = "web.change_refund"
REASON_KEPT = 255  # characters of it that a refund keeps; the trail has the whole

Row = Order | Payment | Refund
Changed = TypeVar("Changed", Order, Payment, Refund)


def operator_order_process(*, actor: Actor, order: Order, reason: str) -> Order:
    """Begin the payout of a paid order."""
    return _change(actor, "process", order, MAY_WORK, reason, lambda: fulfilment.order_process(order_id=order.pk))


def operator_order_complete(*, actor: Actor, order: Order, reason: str) -> Order:
    """Say that the payout went out."""
    return _change(actor, "complete", order, MAY_WORK, reason, lambda: fulfilment.order_complete(order_id=order.pk))


def operator_order_fail(*, actor: Actor, order: Order, reason: str) -> Order:
    """Say that the payout failed; the money is to be sent back."""

    def fail() -> Order:
        return fulfilment.order_fail(order_id=order.pk, reason=reason[:REASON_KEPT], operator_id=actor.admin_id)

    return _change(actor, "fail", order, MAY_WORK, reason, fail)


def operator_order_cancel(*, actor: Actor, order: Order, reason: str) -> Order:
    """Cancel an order that is not being paid out yet; the money of a paid one is to be sent back."""

    def cancel() -> Order:
        return fulfilment.order_call_off(order_id=order.pk, reason=reason[:REASON_KEPT], operator_id=actor.admin_id)

    return _change(actor, "cancel", order, MAY_WORK, reason, cancel)


def operator_payment_confirm(
    *, actor: Actor, payment: Payment, amount: Decimal, received_at: datetime, reason: str
) -> Payment:
    """Say that a transfer has come: how much of the order's ``from_currency``, and when (aware)."""

    def confirm() -> Payment:
        return transfers.payment_confirm(payment_id=payment.pk, amount=amount, received_at=received_at)

    told = {"amount": amount, "received_at": received_at.isoformat()}
    return _change(actor, "confirm", payment, MAY_CONFIRM, reason, confirm, **told)


def operator_payment_record(
    *, actor: Actor, order: Order, amount: Decimal, received_at: datetime, reference: str, reason: str
) -> Payment:
    """Book a transfer that no attempt asked for; ``reference`` is the bank's name of it, by which it is booked once."""
    told = {"amount": amount, "received_at": received_at.isoformat(), "reference": reference}

    def record() -> Payment:
        return transfers.payment_record(order_id=order.pk, amount=amount, received_at=received_at, reference=reference)

    return _change(actor, "payment.record", order, MAY_CONFIRM, reason, record, **told)


def operator_refund_approve(*, actor: Actor, refund: Refund, reason: str) -> Refund:
    """Have a refund sent, or sent again; a large one not by who has asked for it."""

    def approve() -> Refund:
        return refunds.refund_approve(refund_id=refund.pk, operator_id=actor.admin_id)

    return _change(actor, "approve", refund, MAY_REFUND, reason, approve)


def operator_refund_reject(*, actor: Actor, refund: Refund, reason: str) -> Refund:
    """Have a refund not sent; the money stays held."""

    def reject() -> Refund:
        return refunds.refund_reject(refund_id=refund.pk, operator_id=actor.admin_id)

    return _change(actor, "reject", refund, MAY_REFUND, reason, reject)


def operator_refund_reopen(*, actor: Actor, refund: Refund, reason: str) -> Refund:
    """Ask again for a refund that was rejected."""

    def reopen() -> Refund:
        return refunds.refund_reopen(refund_id=refund.pk, operator_id=actor.admin_id)

    return _change(actor, "reopen", refund, MAY_REFUND, reason, reopen)


def operator_refund_confirm(*, actor: Actor, refund: Refund, reference: str, reason: str) -> Refund:
    """Say that a refund's money was transferred by hand; ``reference`` is the bank's name of the transfer."""

    def confirm() -> Refund:
        return refunds.refund_confirm(refund_id=refund.pk, reference=reference)

    return _change(actor, "confirm", refund, MAY_REFUND, reason, confirm, reference=reference)


def _change(
    actor: Actor, verb: str, row: Row, permission: str, reason: str, change: Callable[[], Changed], **told: Any
) -> Changed:
    with audited(
        actor,
        action=f"{resource_type(type(row))}.{verb}",
        resource=row,
        old={"status": row.status},
        new={**told, "reason": reason},
    ) as attempt:
        require_permission(actor, permission)
        require_reason(reason)
        changed = change()
        attempt.note(status=changed.status)
    return changed
