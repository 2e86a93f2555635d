"""``verify_ledger`` holds refunds against the ledger: what is held is due back, and nothing is due twice."""

from decimal import Decimal

import pytest
from django.utils import timezone

from web.models import Refund
from web.services.fulfilment import order_call_off
from web.services.payments import payment_settle
from web.services.refunds import refund_confirm
from web.tests.factories import OrderFactory, PaymentFactory
from web.tests.money import verified
from web.verification import Discrepancy

pytestmark = pytest.mark.context("web")


@pytest.fixture
def refund(publish):
    """Two refunds of one payment, the excess already back; the other one."""
    publish()
    order = OrderFactory()
    payment_settle(payment_id=PaymentFactory(order=order).pk, amount=Decimal(130), received_at=timezone.now())
    order_call_off(order_id=order.pk, reason="The client asked.")
    refund_confirm(refund_id=Refund.objects.get(kind="excess").pk, reference="bank 1")
    verified()
    return Refund.objects.get(kind="payment")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refunds SET status = 'succeeded' WHERE kind = 'payment'",  # the ledger has no such entry
        "UPDATE refunds SET status = 'approved' WHERE kind = 'excess'",  # it went back
        "UPDATE refunds SET amount = 99 WHERE kind = 'payment'",
        "UPDATE refunds SET amount = 29 WHERE kind = 'excess'",
        "DELETE FROM refunds WHERE kind = 'payment'",
        "UPDATE payments SET status = 'refunded'",
    ],
)
def test_what_was_bent_is_found(statement, refund, world):
    owner = world.superuser("web")
    owner.execute("SET session_replication_role = replica")
    assert owner.execute(statement).rowcount == 1
    owner.execute("SET session_replication_role = origin")
    with pytest.raises(Discrepancy, match=str(refund.order_id)):
        verified()
