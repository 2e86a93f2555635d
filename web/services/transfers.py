"""Transfers: an operator says which money has come."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from psycopg.errors import UniqueViolation

from exchanger.kernel.money.currencies import CEILING, recorded_currency
from exchanger.kernel.refusals import Refused
from web.models import Order, Payment
from web.payments.registry import BANK_TRANSFER, PROCESSORS
from web.services.moves import order_lock
from web.services.payments import ALIAS, ARRIVED, payment_lock, payment_settle


class TransferRefused(Refused):
    """What an operator said of a transfer was not booked; the code says which rule said no."""


def payment_confirm(*, payment_id: UUID, amount: Decimal, received_at: datetime) -> Payment:
    """The transfer of an attempt has come: ``amount`` of the order's ``from_currency``, at ``received_at`` (aware).

    Saying the same again changes nothing.

    Raises:
        Payment.DoesNotExist
        TransferRefused: ``payment_by_processor``, ``payment_settled`` (as other figures), ``amount_wrong``,
            ``received_at_wrong``.
    """
    with transaction.atomic(using=ALIAS):
        order, payment = payment_lock(payment_id=payment_id)
        if payment.payment_method in PROCESSORS:
            raise TransferRefused(
                "payment_by_processor",
                f"A payment by {payment.payment_method} is confirmed by its processor alone.",
                status=409,
            )
        _check(order, amount, received_at)
        if payment.status in ARRIVED and (payment.amount, payment.received_at) != (amount, received_at):
            raise TransferRefused(
                "payment_settled",
                f"This payment has come already, as {payment.amount:f}: record a second transfer as one of its own.",
                status=409,
                details={"amount": f"{payment.amount:f}", "status": payment.status},
            )
        return payment_settle(payment_id=payment_id, amount=amount, received_at=received_at)


def payment_record(*, order_id: UUID, amount: Decimal, received_at: datetime, reference: str) -> Payment:
    """A transfer that no attempt asked for, such as the second with one purpose, is booked as a payment of its own.

    ``reference`` is the bank's name of the transfer, so that none is booked twice.

    Raises:
        Order.DoesNotExist
        TransferRefused: ``reference_known``, ``amount_wrong``, ``received_at_wrong``.
    """
    method = BANK_TRANSFER.method
    with transaction.atomic(using=ALIAS):
        order = order_lock(order_id=order_id)
        _check(order, amount, received_at)
        try:
            with transaction.atomic(using=ALIAS):
                payment = Payment.objects.create(
                    order=order, user_id=order.user_id, payment_method=method, amount=amount, reference=reference
                )
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            raise TransferRefused(
                "reference_known",
                f"The transfer {reference} is booked already.",
                status=409,
                details={"reference": reference},
            ) from error
        return payment_settle(payment_id=payment.pk, amount=amount, received_at=received_at)


def _check(order: Order, amount: Decimal, received_at: datetime) -> None:
    code = order.from_currency
    if not amount.is_finite() or not 0 < amount < CEILING or not recorded_currency(code).is_whole(amount):
        raise TransferRefused("amount_wrong", f"Send an amount of {code} above zero, as the bank has it.")
    if not order.created_at <= received_at <= timezone.now():
        raise TransferRefused("received_at_wrong", "The money came after the order was made, and not in the future.")
