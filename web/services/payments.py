"""Payments: an attempt begins, and the one place where money that came is booked."""

import logging
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from exchanger.kernel.refusals import Refused
from web import ledger
from web.configuration import WebConfiguration, read_configuration
from web.models import Order, OrderStatus, Payment, PaymentStatus, RefundKind
from web.payments.providers import Provider
from web.payments.registry import PROVIDERS
from web.services.ledger import ledger_post
from web.services.moves import order_announce, order_lock, order_move
from web.services.refunds import refund_request

logger = logging.getLogger(__name__)

ALIAS = "web"
MOST_PENDING = 5
ARRIVED = (PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED)
_REASONS = {
    "partial": "It was less than the order's amount.",
    "late": "It came after the order had expired.",
    "duplicate": "The order had been paid already.",
    "order_closed": "The order had been closed.",
}


class PaymentRefused(Refused):
    """No payment was begun; the code says which rule said no."""

    codes = {
        400: {"payment_method_unavailable": "An order of USD is not paid by 'card' here: see details for how it is."},
        409: {
            "order_not_pending": "The order is paid: only a pending one is paid for.",
            "order_expired": "The order has expired: make another.",
            "too_many_payments": f"The order has {MOST_PENDING} payments under way: use one of them.",
        },
    }


def payment_start(*, user_id: UUID, order_id: UUID, payment_method: str) -> Payment:
    """A new attempt to pay one's own order; its ``instructions`` say how. No provider is asked meanwhile (ADR 0013).

    Raises:
        Order.DoesNotExist: there is none, or it is another person's.
        PaymentRefused: ``order_not_pending``, ``order_expired``, ``payment_method_unavailable``,
            ``too_many_payments``.
        web.configuration.NotConfigured
    """
    with transaction.atomic(using=ALIAS):
        order = order_lock(order_id=order_id)
        if order.user_id != user_id:
            raise Order.DoesNotExist
        _check_payable(order)
        configuration = read_configuration()
        provider = _offered(payment_method, order, configuration)
        if Payment.objects.filter(order=order, status=PaymentStatus.PENDING).count() >= MOST_PENDING:
            raise PaymentRefused(
                "too_many_payments",
                f"The order has {MOST_PENDING} payments under way: use one of them.",
                status=409,
                details={"most": MOST_PENDING},
            )
        payment = Payment(order=order, user_id=user_id, payment_method=payment_method, amount=order.amount)
        start = provider.start(order, payment, configuration)
        payment.instructions, payment.reference = dict(start.instructions), start.reference
        payment.save(force_insert=True)
        return payment


def payment_settle(
    *, payment_id: UUID, amount: Decimal, received_at: datetime, reference: str | None = None
) -> Payment:
    """Book the money that a payment brought. Told again, of whatever figures, it changes nothing.

    It pays the order if it is the first, in full, and came in time: at a moment (``received_at``, aware) at which the
    order had not expired, however late we learn of it. All that does not pay is held, and a refund of it is requested.
    ``amount`` is above zero, in the order's ``from_currency``; ``reference`` is the provider's, where it has a new one.

    Raises:
        Payment.DoesNotExist
        web.configuration.NotConfigured: nothing was booked.
    """
    with transaction.atomic(using=ALIAS):
        order, payment = payment_lock(payment_id=payment_id)
        if payment.status in ARRIVED:
            if (payment.amount, payment.received_at) != (amount, received_at):
                logger.error("Payment %s came as %s, and was told again as %s", payment_id, payment.amount, amount)
            return payment
        payment.status, payment.amount, payment.received_at = PaymentStatus.SUCCEEDED, amount, received_at
        changed = {"status": payment.status, "amount": amount, "received_at": received_at}
        if reference is not None:
            payment.reference = changed["reference"] = reference
        Payment.objects.filter(pk=payment.pk).update(**changed, updated_at=Now())
        reason = _held_because(order, payment)
        if reason is None:
            _pay(order, payment)
        else:
            _hold(order, payment, reason)
        return payment


def payment_fail(*, payment_id: UUID, reason: str) -> None:
    """A pending attempt brought no money; any other stays as it is. Money that comes after all is booked all the same.

    Raises:
        Payment.DoesNotExist
    """
    _end(payment_id, PaymentStatus.FAILED, reason)


def payment_cancel(*, payment_id: UUID, reason: str) -> None:
    """A pending attempt is waited for no more; any other stays as it is. Raises Payment.DoesNotExist."""
    _end(payment_id, PaymentStatus.CANCELLED, reason)


def payment_lock(*, payment_id: UUID) -> tuple[Order, Payment]:
    """A payment's order and then the payment, both locked until the transaction under way ends.

    Raises:
        Payment.DoesNotExist
    """
    order_id = Payment.objects.values_list("order_id", flat=True).get(pk=payment_id)
    order = order_lock(order_id=order_id)
    return order, Payment.objects.select_for_update(no_key=True).get(pk=payment_id)


def _end(payment_id: UUID, status: PaymentStatus, reason: str) -> None:
    with transaction.atomic(using=ALIAS):
        order, payment = payment_lock(payment_id=payment_id)
        if payment.status != PaymentStatus.PENDING:
            return
        Payment.objects.filter(pk=payment.pk).update(status=status, updated_at=Now())
        order_announce(order=order, event_type=f"payment.{status}", payment_id=str(payment.pk), reason=reason)


def _check_payable(order: Order) -> None:
    if order.status != OrderStatus.PENDING:
        raise PaymentRefused(
            "order_not_pending",
            f"The order is {order.status}: only a pending one is paid for.",
            status=409,
            details={"status": order.status},
        )
    if order.expires_at is not None and order.expires_at <= timezone.now():
        raise PaymentRefused("order_expired", "The order has expired: make another.", status=409)


def _offered(method: str, order: Order, configuration: WebConfiguration) -> Provider:
    offered = [name for name, known in PROVIDERS.items() if known.is_offered(order, configuration)]
    if method not in offered:
        raise PaymentRefused(
            "payment_method_unavailable",
            f"An order of {order.from_currency} is not paid by {method!r} here: see details for how it is.",
            details={"offered": offered},
        )
    return PROVIDERS[method]


def _held_because(order: Order, payment: Payment) -> str | None:
    """Why the money does not pay for the order; None where it does."""
    assert payment.received_at is not None
    if order.status == OrderStatus.CANCELLED:
        return "order_closed"
    if order.status not in (OrderStatus.PENDING, OrderStatus.EXPIRED):
        return "duplicate"
    if order.expires_at is not None and payment.received_at > order.expires_at:
        return "late"
    return "partial" if payment.amount < order.amount else None


def _pay(order: Order, payment: Payment) -> None:
    ledger_post(order=order, entry_set=ledger.payment_received(order, payment))
    order_move(order=order, to=OrderStatus.PAID, payment_id=str(payment.pk), paid=f"{payment.amount:f}")
    if (excess := payment.amount - order.amount) > 0:
        reason = "It was more than the order's amount."
        refund_request(order=order, payment=payment, kind=RefundKind.EXCESS, amount=excess, reason=reason)


def _hold(order: Order, payment: Payment, reason: str) -> None:
    ledger_post(order=order, entry_set=ledger.payment_held(order, payment))
    told = {"payment_id": str(payment.pk), "paid": f"{payment.amount:f}", "reason": reason}
    order_announce(order=order, event_type="payment.held", **told)
    text = _REASONS[reason]
    refund_request(order=order, payment=payment, kind=RefundKind.PAYMENT, amount=payment.amount, reason=text)
