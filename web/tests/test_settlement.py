"""What becomes of money that came: by how much it is, when it came and how the order is; and what operators say."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from web.models import Payment, Refund
from web.services.payments import payment_cancel, payment_fail, payment_settle
from web.services.transfers import TransferRefused, payment_confirm, payment_record
from web.tests.books import paid
from web.tests.factories import OrderFactory, PaymentFactory
from web.tests.money import events, everything, order_status, payments, refunds, sums, told, verified

pytestmark = pytest.mark.context("web")
HUNDRED = Decimal(100)


@pytest.fixture(autouse=True)
def configured(publish):
    publish(large_refunds={"USD": "1000"})


def settle(payment, amount=HUNDRED, received_at=None):
    return payment_settle(payment_id=payment.pk, amount=amount, received_at=received_at or timezone.now())


NOW, SOON, PAST = timedelta(), timedelta(minutes=5), timedelta(minutes=-5)
# order's status, its expiry from now, amount, what the order becomes, why the money is held (None: it pays)
ENDINGS = [
    ("pending", SOON, "100", "paid", None),
    ("pending", None, "100", "paid", None),
    ("pending", SOON, "130", "paid", None),
    ("pending", SOON, "99.99", "pending", "partial"),
    ("pending", PAST, "100", "pending", "late"),
    ("pending", PAST, "130", "pending", "late"),
    ("pending", PAST, "50", "pending", "late"),
    ("expired", SOON, "100", "paid", None),
    ("expired", None, "100", "paid", None),
    ("expired", SOON, "50", "expired", "partial"),
    ("expired", PAST, "100", "expired", "late"),
    ("cancelled", SOON, "100", "cancelled", "order_closed"),
    ("cancelled", SOON, "50", "cancelled", "order_closed"),
]


@pytest.mark.parametrize("before", ["pending", "failed", "cancelled"])
@pytest.mark.parametrize(("status", "expiry", "amount", "after", "reason"), ENDINGS)
def test_where_the_money_ends(status, expiry, amount, after, reason, before):
    amount = Decimal(amount)
    expires_at = None if expiry is None else timezone.now() + expiry
    order = OrderFactory(status=status, expires_at=expires_at)
    settle(PaymentFactory(order=order, status=before), amount)
    assert (order_status(order), payments(order)) == (after, [("succeeded", amount)])
    excess = amount - order.amount
    if reason is None:
        held = {"suspense": excess} if excess else {}
        assert sums(order) == {"client": -amount, "house": HUNDRED, **held}
        assert refunds(order) == ([("excess", "approved", excess)] if excess else [])
    else:
        assert sums(order) == {"client": -amount, "suspense": amount}
        assert refunds(order) == [("payment", "approved", amount)]
        assert told(order, "payment.held")["reason"] == reason
    verified()


@pytest.mark.parametrize("status", ["paid", "processing"])
def test_money_for_an_order_that_is_paid_goes_back(status):
    order, _ = paid(status)
    settle(PaymentFactory(order=order))
    assert (order_status(order), sums(order)) == (status, {"client": -200, "house": 100, "suspense": 100})
    assert told(order, "payment.held")["reason"] == "duplicate"
    assert refunds(order) == [("payment", "approved", HUNDRED)]
    verified()


def test_the_moment_of_expiry_itself_is_in_time():
    order = OrderFactory(status="expired", expires_at=timezone.now())
    settle(PaymentFactory(order=order), received_at=order.expires_at)
    assert order_status(order) == "paid"


def test_told_again_it_changes_nothing_whatever_the_figures():
    payment = PaymentFactory()
    settle(payment)
    before = everything()
    settle(payment)
    settle(payment, Decimal(30))
    payment_fail(payment_id=payment.pk, reason="declined")
    payment_cancel(payment_id=payment.pk, reason="not_paid")
    assert everything() == before


def test_a_payment_that_failed_stays_so_until_money_comes():
    payment = PaymentFactory()
    payment_fail(payment_id=payment.pk, reason="declined")
    before = everything()
    payment_fail(payment_id=payment.pk, reason="declined")
    payment_cancel(payment_id=payment.pk, reason="not_paid")
    assert everything() == before
    assert events(payment.order) == ["payment.failed"]


def test_a_large_refund_waits_for_an_operator():
    order = OrderFactory(amount=Decimal(5000))
    settle(PaymentFactory(order=order), Decimal(1001))
    settle(PaymentFactory(order=order), Decimal(1000))
    assert refunds(order) == [("payment", "requested", Decimal(1001)), ("payment", "approved", Decimal(1000))]
    assert events(order) == ["payment.held", "refund.requested", "payment.held", "refund.approved"]
    verified()


def test_a_payment_that_is_not_there():
    with pytest.raises(Payment.DoesNotExist):
        payment_settle(payment_id=uuid.uuid4(), amount=HUNDRED, received_at=timezone.now())


STATEMENTS = {"pays": 18, "held": 19, "again": 5}


def test_how_many_statements_a_settlement_takes():
    settle(PaymentFactory())
    payment, less = PaymentFactory(), PaymentFactory()
    counted = {}
    for name, of, amount in (("pays", payment, HUNDRED), ("held", less, Decimal(50)), ("again", payment, HUNDRED)):
        with CaptureQueriesContext(connections["web"]) as queries:
            settle(of, amount)
        counted[name] = len(queries)
    assert counted == STATEMENTS


# --- Operators


@pytest.fixture
def operator(as_context):
    """Inside it the process is an operator's, with that login."""
    return lambda: as_context("admin")


def test_an_operator_confirms_a_transfer_by_the_panels_own_login(operator):
    order = OrderFactory(expires_at=timezone.now() + SOON)
    payment = PaymentFactory(order=order, reference="EX-1")
    came = timezone.now()
    with operator():
        payment_confirm(payment_id=payment.pk, amount=Decimal(130), received_at=came)
        before = everything()
        payment_confirm(payment_id=payment.pk, amount=Decimal(130), received_at=came)
        assert everything() == before
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", Decimal(130))])
    assert refunds(order) == [("excess", "approved", Decimal(30))]
    assert Payment.objects.get().reference == "EX-1"
    verified()


def test_an_operator_confirms_a_transfer_that_is_held(operator):
    payment = PaymentFactory()
    with operator():
        payment_confirm(payment_id=payment.pk, amount=Decimal(30), received_at=timezone.now())
    assert refunds(payment.order) == [("payment", "approved", Decimal(30))]
    verified()


def test_a_second_transfer_is_a_payment_of_its_own(operator):
    order = OrderFactory()
    payment = PaymentFactory(order=order)
    with operator():
        payment_confirm(payment_id=payment.pk, amount=HUNDRED, received_at=timezone.now())
        payment_record(order_id=order.pk, amount=HUNDRED, received_at=timezone.now(), reference="bank 2")
    assert payments(order) == [("succeeded", HUNDRED)] * 2
    assert refunds(order) == [("payment", "approved", HUNDRED)]
    assert told(order, "payment.held")["reason"] == "duplicate"
    verified()


def test_a_transfer_without_an_attempt_pays_the_order(operator):
    order = OrderFactory()
    with operator():
        payment_record(order_id=order.pk, amount=HUNDRED, received_at=timezone.now(), reference="bank 1")
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    verified()


def refused(code, service, **said):
    before = everything()
    with pytest.raises(TransferRefused) as caught:
        service(**said)
    assert caught.value.code == code
    assert everything() == before


def test_what_an_operator_may_not_say(operator):
    order = OrderFactory()
    card, transfer = PaymentFactory(order=order, payment_method="card"), PaymentFactory(order=order)
    said = {"amount": HUNDRED, "received_at": timezone.now()}
    with operator():
        refused("payment_by_processor", payment_confirm, payment_id=card.pk, **said)
        for amount in ("0", "-1", "NaN", "Infinity", "100.001", "1e10"):
            wrong = {**said, "amount": Decimal(amount)}
            refused("amount_wrong", payment_confirm, payment_id=transfer.pk, **wrong)
            refused("amount_wrong", payment_record, order_id=order.pk, reference="bank 1", **wrong)
        for moment in (timezone.now() + SOON, order.created_at - timedelta(seconds=1)):
            wrong = {**said, "received_at": moment}
            refused("received_at_wrong", payment_confirm, payment_id=transfer.pk, **wrong)
            refused("received_at_wrong", payment_record, order_id=order.pk, reference="bank 1", **wrong)
        payment_record(order_id=order.pk, reference="bank 1", **said)
        refused("reference_known", payment_record, order_id=order.pk, reference="bank 1", **said)
        payment_confirm(payment_id=transfer.pk, **said)
        refused("payment_settled", payment_confirm, payment_id=transfer.pk, **{**said, "amount": Decimal(40)})
        with pytest.raises(Payment.DoesNotExist):
            payment_confirm(payment_id=uuid.uuid4(), **said)
    assert Refund.objects.count() == 1
    verified()
