"""What operators do with orders. All of it works under their own login to the web database, as under web's."""

from uuid import UUID

from django.db import transaction

from web import ledger
from web.ledger import NOTHING
from web.models import EntryKind, Order, OrderStatus, Payment, Refund, RefundKind, Transaction
from web.orders import payout_of
from web.services.ledger import ledger_post
from web.services.moves import ALIAS, OrderRefused, order_lock, order_move
from web.services.refunds import refund_request


def order_process(*, order_id: UUID) -> Order:
    """Begin the payout of a paid order.

    Raises:
        Order.DoesNotExist
        OrderRefused: ``order_status``.
    """
    with transaction.atomic(using=ALIAS):
        order = order_lock(order_id=order_id)
        order_move(order=order, to=OrderStatus.PROCESSING)
        return order


def order_complete(*, order_id: UUID) -> Order:
    """The payout of an order went out: at its quote's figures, or, without a quote, its amount at its rate, no fee.

    Raises:
        Order.DoesNotExist
        OrderRefused: ``order_status``; ``payout_too_small`` (without a quote, and what is due is less than its
            currency's smallest unit).
    """
    with transaction.atomic(using=ALIAS):
        order = order_lock(order_id=order_id)
        order_move(order=order, to=OrderStatus.COMPLETED)
        gross, fee = payout_of(order)
        if gross <= fee:
            raise OrderRefused(
                "payout_too_small",
                f"What is due is less than the smallest amount of {order.to_currency}: let the payout fail instead.",
                status=409,
            )
        ledger_post(order=order, entry_set=ledger.order_completed(order, gross=gross, fee=fee))
        return order


def order_fail(*, order_id: UUID, reason: str, operator_id: UUID | None = None) -> Order:
    """The payout of an order failed: its payment is held, and asked to be sent back.

    ``reason`` has at most 255 characters; ``operator_id`` is who requests the refund.

    Raises:
        Order.DoesNotExist
        OrderRefused: ``order_status``, ``payment_missing``.
        web.configuration.NotConfigured
    """
    with transaction.atomic(using=ALIAS):
        order = order_lock(order_id=order_id)
        order_move(order=order, to=OrderStatus.FAILED, reason=reason)
        payment = _paying(order)
        ledger_post(order=order, entry_set=ledger.payout_failed(order, payment))
        _send_back(order, payment, reason, operator_id)
        return order


def order_call_off(*, order_id: UUID, reason: str, operator_id: UUID | None = None) -> Order:
    """Cancel a client's order that is not being processed yet; the payment of a paid one is asked to be sent back.

    ``reason`` has at most 255 characters; ``operator_id`` is who requests the refund.

    Raises:
        Order.DoesNotExist
        OrderRefused: ``order_status``, ``payment_missing``.
        web.configuration.NotConfigured
    """
    with transaction.atomic(using=ALIAS):
        order = order_lock(order_id=order_id)
        was_paid = order.status == OrderStatus.PAID
        order_move(order=order, to=OrderStatus.CANCELLED, by="operator", reason=reason)
        if was_paid:
            payment = _paying(order)
            ledger_post(order=order, entry_set=ledger.order_cancelled(order, payment))
            _send_back(order, payment, reason, operator_id)
        return order


def _paying(order: Order) -> Payment:
    """The payment that paid the order, as the ledger has it."""
    received = Transaction.objects.filter(order=order, kind=EntryKind.PAYMENT_RECEIVED).values("payment_id")
    payment = Payment.objects.filter(pk__in=received).first()
    if payment is None:
        raise OrderRefused(
            "payment_missing",
            "The ledger has no payment of this order, so nothing can be sent back: run verify_ledger.",
            status=409,
            details={"order_id": str(order.pk)},
        )
    return payment


def _send_back(order: Order, payment: Payment, reason: str, operator_id: UUID | None) -> None:
    """Request what is left of the payment: what it brought too much has a refund of its own, if one was asked for."""
    apart = Refund.objects.filter(payment=payment, kind=RefundKind.EXCESS).first()
    refund_request(
        order=order,
        payment=payment,
        kind=RefundKind.PAYMENT,
        amount=payment.amount - (apart.amount if apart else NOTHING),
        reason=reason,
        requested_by=operator_id,
    )
