"""Money that is due back to a client: asked for, approved, and gone."""

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now

from exchanger.kernel.refusals import Refused
from web import ledger, transitions
from web.configuration import read_configuration
from web.models import (
    Account,
    EntryKind,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundKind,
    RefundStatus,
    Transaction,
)
from web.payments.registry import PROCESSORS
from web.services.ledger import ledger_post
from web.services.moves import order_announce, order_lock, order_move

ALIAS = "web"


class RefundRefused(Refused):
    """The refund stays as it is; the code says which rule said no."""


def refund_request(
    *, order: Order, payment: Payment, kind: RefundKind, amount: Decimal, reason: str, requested_by: UUID | None = None
) -> Refund:
    """Have ``amount`` of a payment sent back, in the transaction that has locked the order.

    One that is not large is approved with that; a large one waits for a second operator (``large_refunds`` of the
    published configuration). ``requested_by`` is an operator, None the platform itself.

    Raises:
        django.db.IntegrityError: there is a refund of this kind of the payment already.
        web.configuration.NotConfigured
    """
    limit = read_configuration().large_refunds.get(order.from_currency)
    large = limit is not None and amount > limit
    refund = Refund.objects.create(
        order=order,
        payment=payment,
        kind=kind,
        amount=amount,
        large=large,
        reason=reason,
        status=RefundStatus.REQUESTED if large else RefundStatus.APPROVED,
        requested_by=requested_by,
    )
    _announce(order, refund)
    return refund


def refund_approve(*, refund_id: UUID, operator_id: UUID) -> Refund:
    """An operator has a refund sent, or one that failed sent again.

    Raises:
        Refund.DoesNotExist
        RefundRefused: ``refund_status``, ``second_operator``.
    """
    with transaction.atomic(using=ALIAS):
        order, _, refund = _lock(refund_id)
        _check_status(refund, RefundStatus.APPROVED)
        if refund.large and refund.requested_by == operator_id:
            raise RefundRefused(
                "second_operator",
                "A refund this large is approved by somebody else than who requested it.",
                status=409,
            )
        return _move(order, refund, RefundStatus.APPROVED, approved_by=operator_id)


def refund_reject(*, refund_id: UUID, operator_id: UUID) -> Refund:
    """An operator has a requested refund not sent. The money stays held until somebody reopens it.

    Raises:
        Refund.DoesNotExist
        RefundRefused: ``refund_status``.
    """
    with transaction.atomic(using=ALIAS):
        order, _, refund = _lock(refund_id)
        _check_status(refund, RefundStatus.REJECTED)
        return _move(order, refund, RefundStatus.REJECTED, approved_by=operator_id)


def refund_reopen(*, refund_id: UUID, operator_id: UUID) -> Refund:
    """An operator requests a refund that was rejected; another one's approval is needed, if it is large.

    Raises:
        Refund.DoesNotExist
        RefundRefused: ``refund_status``.
    """
    with transaction.atomic(using=ALIAS):
        order, _, refund = _lock(refund_id)
        _check_status(refund, RefundStatus.REQUESTED)
        return _move(order, refund, RefundStatus.REQUESTED, requested_by=operator_id, approved_by=None)


def refund_confirm(*, refund_id: UUID, reference: str) -> Refund:
    """An operator has sent the money of an approved refund; ``reference`` is the bank's name of the transfer.

    What a processor sends is sent by hand only when it has refused to: an approved one may be on its way.

    Raises:
        Refund.DoesNotExist
        RefundRefused: ``refund_by_processor``, and those of ``refund_succeed``.
    """
    with transaction.atomic(using=ALIAS):
        _, payment, refund = _lock(refund_id)
        if payment.payment_method in PROCESSORS and refund.status == RefundStatus.APPROVED:
            raise RefundRefused(
                "refund_by_processor",
                f"A payment by {payment.payment_method} is refunded by its processor: send it by hand when that fails.",
                status=409,
            )
        return refund_succeed(refund_id=refund_id, reference=reference)


def refund_succeed(*, refund_id: UUID, reference: str) -> Refund:
    """The money went back: booked once, however often it is told by the same ``reference``.

    With all that was left of it the payment is refunded, and so is the order that it had paid for.

    Raises:
        Refund.DoesNotExist
        RefundRefused: ``refund_sent`` (it went back by another reference), ``refund_status``, ``refund_amount`` (it is
            not what the ledger holds), ``order_status`` (the order that it paid for is still worked for).
    """
    with transaction.atomic(using=ALIAS):
        order, payment, refund = _lock(refund_id)
        if refund.status == RefundStatus.SUCCEEDED:
            _check_reference(refund, reference)
            return refund
        _check_status(refund, RefundStatus.SUCCEEDED)
        if refund.kind == RefundKind.EXCESS:
            _book_excess(order, payment, refund)
        else:
            _book_payment(order, payment, refund)
        return _move(order, refund, RefundStatus.SUCCEEDED, reference=reference)


def refund_fail(*, refund_id: UUID, problem: str) -> Refund:
    """Sending failed for good: operators see it, and approve it again or send it by hand. Again, it changes nothing.

    Raises:
        Refund.DoesNotExist
        RefundRefused: ``refund_status``.
    """
    with transaction.atomic(using=ALIAS):
        order, _, refund = _lock(refund_id)
        if refund.status == RefundStatus.FAILED:
            return refund
        _check_status(refund, RefundStatus.FAILED)
        return _move(order, refund, RefundStatus.FAILED, told={"problem": problem})


def _lock(refund_id: UUID) -> tuple[Order, Payment, Refund]:
    """A refund with its order and payment; the order's lock guards all that is of it."""
    order = order_lock(order_id=Refund.objects.values_list("order_id", flat=True).get(pk=refund_id))
    refund = Refund.objects.select_for_update(no_key=True, of=("self",)).select_related("payment").get(pk=refund_id)
    return order, refund.payment, refund


def _check_status(refund: Refund, to: RefundStatus) -> None:
    before = RefundStatus(refund.status)
    if to not in transitions.REFUNDS[before]:
        raise RefundRefused(
            "refund_status",
            f"The refund is {before}, so it cannot become {to}: look at it again.",
            status=409,
            details={"status": before, "wanted": to},
        )


def _move(
    order: Order, refund: Refund, to: RefundStatus, *, told: dict[str, str] | None = None, **changed: object
) -> Refund:
    refund.status = to
    for name, value in changed.items():
        setattr(refund, name, value)
    Refund.objects.filter(pk=refund.pk).update(status=to, updated_at=Now(), **changed)
    _announce(order, refund, **told or {})
    return refund


def _announce(order: Order, refund: Refund, **told: str) -> None:
    figures = {"refund_id": str(refund.pk), "refund_amount": f"{refund.amount:f}", "kind": str(refund.kind)}
    order_announce(order=order, event_type=f"refund.{refund.status}", **figures, **told)


def _book_excess(order: Order, payment: Payment, refund: Refund) -> None:
    entry_set = ledger.excess_refunded(order, payment)
    _check_amount(refund, payment.amount - order.amount)
    ledger_post(order=order, entry_set=entry_set)


def _book_payment(order: Order, payment: Payment, refund: Refund) -> None:
    house, suspense = _left(Account.HOUSE, payment), _left(Account.SUSPENSE, payment)
    suspense -= _excess_due(payment)
    _check_amount(refund, house + suspense)
    if house != 0:
        raise RefundRefused("order_status", "The order has the money: cancel it first.", status=409)
    ledger_post(order=order, entry_set=ledger.payment_refunded(order, payment, house=house, suspense=suspense))
    Payment.objects.filter(pk=payment.pk).update(status=PaymentStatus.REFUNDED, updated_at=Now())
    if Transaction.objects.filter(payment=payment, kind=EntryKind.PAYMENT_RECEIVED).exists():
        order_move(order=order, to=OrderStatus.REFUNDED, payment_id=str(payment.pk))


def _left(account: Account, payment: Payment) -> Decimal:
    entries = Transaction.objects.filter(payment=payment, account=account)
    return entries.aggregate(left=Sum("amount"))["left"] or ledger.NOTHING


def _excess_due(payment: Payment) -> Decimal:
    """What a refund of its own has yet to return."""
    excess = Refund.objects.filter(payment=payment, kind=RefundKind.EXCESS).exclude(status=RefundStatus.SUCCEEDED)
    return excess.values_list("amount", flat=True).first() or ledger.NOTHING


def _check_reference(refund: Refund, reference: str) -> None:
    if refund.reference != reference:
        raise RefundRefused(
            "refund_sent",
            f"It went back before, as {refund.reference}: whoever has sent it once more has to ask for that back.",
            status=409,
            details={"reference": refund.reference, "told": reference},
        )


def _check_amount(refund: Refund, left: Decimal) -> None:
    if refund.amount != left:
        raise RefundRefused(
            "refund_amount",
            f"The refund is of {refund.amount:f}, and {left:f} is held: the ledger has to be looked at.",
            status=409,
            details={"amount": f"{refund.amount:f}", "held": f"{left:f}"},
        )
