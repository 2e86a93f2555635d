"""Charges of payment processors: what they call to say, what they are asked, and what is booked of it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.errors import LockNotAvailable, UniqueViolation

from exchanger.kernel.money.currencies import recorded_currency
from exchanger.kernel.refusals import Refused
from web.adapter import WebAdapter
from web.models import Payment, ProviderEvent
from web.models.statuses import UNSETTLED
from web.payments.providers import Charge, ChargeState, Processor, ProviderUnavailable, WrongCall, WrongSignature
from web.payments.registry import PROCESSORS
from web.services.payments import ALIAS, payment_cancel, payment_fail, payment_settle

logger = logging.getLogger(__name__)

KEEP_EVENTS = timedelta(days=30)
GIVE_UP_CHARGE = timedelta(days=1)
GIVE_UP_TRANSFER = timedelta(days=30)
PURGE_BATCH = 5000


class CallRefused(Refused):
    """A provider's call changed nothing; the code says why."""


def provider_call(*, processor: Processor, body: bytes, headers: Mapping[str, str]) -> bool:
    """Obey a call of a provider, once: whether it was new. What it says and its id are committed together.

    Raises:
        CallRefused: ``wrong_signature``, ``invalid``, ``unknown_payment``, ``wrong_currency``, ``wrong_amount``,
            ``reference_known``.
    """
    try:
        call = processor.read_call(body, headers)
    except WrongSignature as error:
        message = "The signature is missing, wrong or too old: both sides need the same secret and the time."
        raise CallRefused("wrong_signature", message, status=401) from error
    except WrongCall as error:
        raise CallRefused("invalid", str(error)) from error
    with transaction.atomic(using=ALIAS):
        try:
            with transaction.atomic(using=ALIAS):
                ProviderEvent.objects.create(provider=processor.method, event_id=call.event_id)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            return False
        if call.charge is not None:
            charge_book(charge=call.charge, method=processor.method)
        return True


def charge_book(*, charge: Charge, method: str) -> None:
    """Have our payment agree with what its processor says. Older news than we have change nothing.

    Raises:
        CallRefused: ``unknown_payment``, ``wrong_currency``, ``wrong_amount``, ``reference_known``: somebody has to
            look at it.
    """
    found = Payment.objects.filter(pk=charge.payment_id, payment_method=method)
    code = found.values_list("order__from_currency", flat=True).first()
    if code is None:
        logger.error("A charge %s is of payment %s, which is not here", charge.reference, charge.payment_id)
        raise CallRefused("unknown_payment", "There is no such payment here: nothing was booked.", status=404)
    if charge.currency != code:
        logger.error(
            "Charge %s of payment %s is in %s, not %s", charge.reference, charge.payment_id, charge.currency, code
        )
        raise CallRefused("wrong_currency", f"The payment is in {code}: nothing was booked.", status=409)
    if not recorded_currency(code).is_whole(charge.amount):
        # It could never be sent back: refunds are of whole minor units.
        logger.error("Charge %s of payment %s is of %s %s", charge.reference, charge.payment_id, charge.amount, code)
        message = f"An amount of {code} has fewer decimals: nothing was booked."
        raise CallRefused("wrong_amount", message, status=409)
    match charge.state:
        case ChargeState.SUCCEEDED:
            _settle(charge)
        case ChargeState.DECLINED:
            payment_fail(payment_id=charge.payment_id, reason="declined")
        case ChargeState.PENDING:
            pass


def payments_reconcile() -> int:
    """Ask the processors about attempts that brought nothing yet, and book what they say; how many were asked about.

    This finds charges whose call was lost, those with another card after a decline among them. An attempt without a
    charge is given up after GIVE_UP_CHARGE, and a transfer that did not come after GIVE_UP_TRANSFER. A processor that
    does not answer is asked again in the next run, about the other payments first.
    """
    asked = 0
    silent: set[str] = set()
    for payment in WebAdapter().find_payments_to_ask(PROCESSORS, GIVE_UP_CHARGE):
        if payment.payment_method in silent:
            continue
        try:
            charge = PROCESSORS[payment.payment_method].fetch(payment.pk)
        except ProviderUnavailable as error:
            logger.warning("To be asked again: %s", error)
            silent.add(payment.payment_method)
            with _unless_locked(payment):
                _put_last(payment)  # it may be this one alone that has no answer
            continue
        asked += 1
        with _unless_locked(payment):
            _reconcile(payment, charge)
    for transfer in WebAdapter().find_payments_to_give_up(PROCESSORS, GIVE_UP_TRANSFER):
        with _unless_locked(transfer):
            payment_cancel(payment_id=transfer.pk, reason="not_received")
    return asked


def provider_events_purge() -> int:
    """Forget calls so old that their signatures have long been refused, in batches; returns how many."""
    deleted = 0
    while True:
        batch = ProviderEvent.objects.filter(created_at__lt=Now() - KEEP_EVENTS).values("pk")[:PURGE_BATCH]
        gone = ProviderEvent.objects.filter(pk__in=batch).delete()[0]
        deleted += gone
        if gone < PURGE_BATCH:
            return deleted


def _settle(charge: Charge) -> None:
    assert charge.received_at is not None  # a charge that succeeded says when
    try:
        payment_settle(
            payment_id=charge.payment_id,
            amount=charge.amount,
            received_at=charge.received_at,
            reference=charge.reference,
        )
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        logger.exception("Charge %s of payment %s is another payment's too", charge.reference, charge.payment_id)
        message = "The charge is another payment's: nothing was booked."
        raise CallRefused("reference_known", message, status=409) from error


def _reconcile(payment: Payment, charge: Charge | None) -> None:
    if charge is not None and charge.state is not ChargeState.PENDING:
        try:
            charge_book(charge=charge, method=payment.payment_method)
        except CallRefused:
            logger.exception("Not booked: charge %s of payment %s", charge.reference, payment.pk)
    elif payment.created_at < timezone.now() - GIVE_UP_CHARGE:
        payment_cancel(payment_id=payment.pk, reason="not_paid")
    _put_last(payment)


def _put_last(payment: Payment) -> None:
    """Whoever was asked about last is asked about last in the next run."""
    Payment.objects.filter(pk=payment.pk, status__in=UNSETTLED).update(updated_at=Now())


@contextmanager
def _unless_locked(payment: Payment) -> Iterator[None]:
    """Somebody may be long at the payment's order: that must not cost the others their turn."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        logger.warning("Payment %s is left for the next run: its order is locked", payment.pk)
