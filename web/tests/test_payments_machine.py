"""The life of an order with its payments and refunds, against a small model of where the money is.

Hypothesis chooses what happens; whatever it is, the services and the model refuse the same, and agree on every account.
"""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from exchanger.kernel.refusals import Refused
from web.models import Order, Payment, Refund
from web.services.fulfilment import order_call_off, order_complete, order_fail, order_process
from web.services.moves import order_lock, order_move
from web.services.orders import order_cancel
from web.services.payments import payment_cancel, payment_fail, payment_settle
from web.services.refunds import refund_approve, refund_confirm, refund_fail, refund_reject, refund_reopen
from web.tests.money import order_status, sums, verified

AMOUNT = 100
MOST_PAYMENTS = 4
OPERATORS = [uuid.UUID(int=1), uuid.UUID(int=2)]
REASON = "The client asked."


@dataclass
class ModelRefund:
    kind: str
    amount: int
    status: str
    requested_by: uuid.UUID | None = None

    @property
    def large(self):
        return self.amount > AMOUNT


@dataclass
class ModelPayment:
    status: str = "pending"
    pays: bool = False
    refunds: dict[str, ModelRefund] = field(default_factory=dict)

    def ask_back(self, kind, amount, requested_by=None):
        status = "requested" if amount > AMOUNT else "approved"
        self.refunds[kind] = ModelRefund(kind, amount, status, requested_by)


class Life(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        now = timezone.now()
        self.order = Order.objects.create(
            user_id=uuid.uuid4(),
            from_currency="USD",
            to_currency="UAH",
            amount=Decimal(AMOUNT),
            exchange_rate=Decimal("41.5"),
            expires_at=now,
        )
        self.status, self.payments = "pending", {}
        self.house = self.suspense = self.client = 0

    # --- What happens

    @precondition(lambda self: len(self.payments) < MOST_PAYMENTS)
    @rule()
    def attempt(self):
        payment = Payment.objects.create(
            order=self.order, user_id=self.order.user_id, payment_method="bank_transfer", amount=self.order.amount
        )
        self.payments[payment.pk] = ModelPayment()

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 9), amount=st.sampled_from([60, 100, 130]), late=st.booleans())
    def money_comes(self, which, amount, late):
        payment_id, payment = self._payment(which)
        moment = self.order.expires_at + timedelta(seconds=1 if late else 0)
        payment_settle(payment_id=payment_id, amount=Decimal(amount), received_at=moment)
        if payment.status in ("succeeded", "refunded"):
            return
        payment.status = "succeeded"
        self.client -= amount
        if self.status in ("pending", "expired") and not late and amount >= AMOUNT:
            self.status, payment.pays = "paid", True
            self.house += AMOUNT
            self.suspense += amount - AMOUNT
            if amount > AMOUNT:
                payment.ask_back("excess", amount - AMOUNT)
        else:
            self.suspense += amount
            payment.ask_back("payment", amount)

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 9), service=st.sampled_from([payment_fail, payment_cancel]))
    def none_comes(self, which, service):
        payment_id, payment = self._payment(which)
        service(payment_id=payment_id, reason="declined")
        if payment.status == "pending":
            payment.status = "failed" if service is payment_fail else "cancelled"

    @rule()
    def the_client_cancels(self):
        allowed = self.status in ("pending", "cancelled")
        if self._does(allowed, order_cancel, user_id=self.order.user_id, order_id=self.order.pk):
            self.status = "cancelled"

    @rule()
    def it_expires(self):
        def expire():
            with transaction.atomic(using="web"):
                order_move(order=order_lock(order_id=self.order.pk), to="expired")

        if self._does(self.status == "pending", expire):
            self.status = "expired"

    @rule(operator=st.sampled_from([None, *OPERATORS]))
    def it_is_called_off(self, operator):
        allowed = self.status in ("pending", "paid")
        if self._does(allowed, order_call_off, order_id=self.order.pk, reason=REASON, operator_id=operator):
            self._undone("cancelled", operator)

    @rule()
    def it_is_processed(self):
        if self._does(self.status == "paid", order_process, order_id=self.order.pk):
            self.status = "processing"

    @rule()
    def it_completes(self):
        if self._does(self.status == "processing", order_complete, order_id=self.order.pk):
            self.status = "completed"

    @rule(operator=st.sampled_from([None, *OPERATORS]))
    def it_fails(self, operator):
        allowed = self.status == "processing"
        if self._does(allowed, order_fail, order_id=self.order.pk, reason=REASON, operator_id=operator):
            self._undone("failed", operator)

    @precondition(lambda self: self._refunds())
    @rule(which=st.integers(0, 9), operator=st.sampled_from(OPERATORS))
    def a_refund_is_approved(self, which, operator):
        refund_id, _, refund = self._refund(which)
        allowed = refund.status in ("requested", "failed") and not (refund.large and refund.requested_by == operator)
        if self._does(allowed, refund_approve, refund_id=refund_id, operator_id=operator):
            refund.status = "approved"

    @precondition(lambda self: self._refunds())
    @rule(which=st.integers(0, 9), operator=st.sampled_from(OPERATORS))
    def a_refund_is_rejected_or_reopened(self, which, operator):
        refund_id, _, refund = self._refund(which)
        if refund.status == "rejected":
            refund_reopen(refund_id=refund_id, operator_id=operator)
            refund.status, refund.requested_by = "requested", operator
        elif self._does(refund.status == "requested", refund_reject, refund_id=refund_id, operator_id=operator):
            refund.status = "rejected"

    @precondition(lambda self: self._refunds())
    @rule(which=st.integers(0, 9))
    def a_refund_fails(self, which):
        refund_id, _, refund = self._refund(which)
        if self._does(refund.status in ("approved", "failed"), refund_fail, refund_id=refund_id, problem="none"):
            refund.status = "failed"

    @precondition(lambda self: self._refunds())
    @rule(which=st.integers(0, 9))
    def a_refund_goes_back(self, which):
        refund_id, payment, refund = self._refund(which)
        allowed = refund.status in ("approved", "failed", "succeeded")
        if not self._does(allowed, refund_confirm, refund_id=refund_id, reference="bank 1"):
            return
        if refund.status == "succeeded":
            return
        refund.status = "succeeded"
        self.suspense -= refund.amount
        self.client += refund.amount
        if refund.kind == "payment":
            payment.status = "refunded"
            self.status = "refunded" if payment.pays else self.status

    # --- What always holds

    @invariant()
    def the_accounts_agree(self):
        model = {"client": self.client, "house": self.house, "suspense": self.suspense}
        assert sums(self.order) == {account: amount for account, amount in model.items() if amount}
        assert self.house == (AMOUNT if self.status in ("paid", "processing", "completed") else 0)

    @invariant()
    def the_statuses_agree(self):
        assert order_status(self.order) == self.status
        for payment in Payment.objects.filter(order=self.order):
            assert payment.status == self.payments[payment.pk].status
        found = {(r.payment_id, r.kind, int(r.amount), r.status) for r in Refund.objects.filter(order=self.order)}
        assert found == {
            (payment_id, kind, refund.amount, refund.status)
            for payment_id, payment in self.payments.items()
            for kind, refund in payment.refunds.items()
        }

    @invariant()
    def all_that_is_held_is_due_back(self):
        due = [refund.amount for _, refund in self._refunds() if refund.status != "succeeded"]
        assert sum(due) == self.suspense
        verified()

    # --- Helpers

    def _does(self, allowed, service, **said):
        """Whether the service did it, which is as the model has it."""
        try:
            service(**said)
        except Refused:
            assert not allowed
            return False
        assert allowed
        return True

    def _undone(self, status, operator):
        if self.status in ("paid", "processing"):
            [payment] = [payment for payment in self.payments.values() if payment.pays]
            payment.ask_back("payment", AMOUNT, operator)
            self.house -= AMOUNT
            self.suspense += AMOUNT
        self.status = status

    def _payment(self, which):
        return list(self.payments.items())[which % len(self.payments)]

    def _refunds(self):
        return [(payment_id, refund) for payment_id, p in self.payments.items() for refund in p.refunds.values()]

    def _refund(self, which):
        payment_id, refund = self._refunds()[which % len(self._refunds())]
        return (
            Refund.objects.get(payment_id=payment_id, kind=refund.kind).pk,
            self.payments[payment_id],
            refund,
        )


@pytest.mark.context("web")
def test_the_services_and_the_model_agree(publish):
    publish(large_refunds={"USD": str(AMOUNT)})
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            derandomize=True,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
