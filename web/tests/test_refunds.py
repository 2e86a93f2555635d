"""Refunds: approved by the right people, sent once whatever dies, and booked with what the ledger holds."""

import subprocess
import sys
import uuid
from decimal import Decimal

import psycopg
import pytest
from django.db import connections
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.sandbox import cards
from exchanger.testing.processes import WorkerProcess, process_environment
from exchanger.testing.waiting import until
from web import ledger
from web.models import Refund
from web.payments.providers import ProviderUnavailable
from web.services.fulfilment import order_call_off, order_fail, order_process
from web.services.payments import payment_settle
from web.services.refund_sending import refund_send, refunds_queue
from web.services.refunds import (
    RefundRefused,
    refund_approve,
    refund_confirm,
    refund_fail,
    refund_reject,
    refund_reopen,
    refund_succeed,
)
from web.tests.books import post
from web.tests.factories import OrderFactory, PaymentFactory
from web.tests.money import events, everything, order_status, payments, refunds, sums, told, verified
from web.tests.ordering import together

pytestmark = pytest.mark.context("web")
HUNDRED = Decimal(100)
ANNA, BORIS = uuid.uuid4(), uuid.uuid4()


@pytest.fixture(autouse=True)
def configured(publish):
    publish(large_refunds={"USD": "500"})


def came(brought="100", **of):
    """An order and what a payment brought."""
    order = OrderFactory(**of)
    payment = PaymentFactory(order=order)
    payment_settle(payment_id=payment.pk, amount=Decimal(brought), received_at=timezone.now())
    return order


def large(**of):
    """A refund that was requested and waits for an operator: of a payment of an order of 1000."""
    order = came("1000", amount=Decimal(1000), **of)
    order_call_off(order_id=order.pk, reason="Asked by telephone.", operator_id=ANNA)
    return order, Refund.objects.get()


def refused(code, service, **said):
    before = everything()
    with pytest.raises(RefundRefused) as caught:
        service(**said)
    assert caught.value.code == code
    assert everything() == before


# --- Who decides


def test_a_large_refund_is_approved_by_another_operator_than_asked_for_it(as_context):
    order, refund = large()
    with as_context("admin"):
        refused("second_operator", refund_approve, refund_id=refund.pk, operator_id=ANNA)
        refund_approve(refund_id=refund.pk, operator_id=BORIS)
    assert refunds(order) == [("payment", "approved", Decimal(1000))]
    assert Refund.objects.get().approved_by == BORIS
    assert events(order)[-2:] == ["refund.requested", "refund.approved"]
    verified()


def test_postgresql_refuses_the_one_operator_too(world):
    large()
    with pytest.raises(psycopg.errors.CheckViolation):
        world.superuser("web").execute("UPDATE refunds SET status = 'approved', approved_by = %s", (ANNA,))
    assert Refund.objects.get().status == "requested"


def test_a_rejected_refund_keeps_the_money_held_until_it_is_reopened(as_context):
    order, refund = large()
    with as_context("admin"):
        refund_reject(refund_id=refund.pk, operator_id=BORIS)
        assert sums(order) == {"client": -1000, "suspense": 1000}
        verified_inside = refunds(order)
        refund_reopen(refund_id=refund.pk, operator_id=BORIS)
        refused("second_operator", refund_approve, refund_id=refund.pk, operator_id=BORIS)
        refund_approve(refund_id=refund.pk, operator_id=ANNA)
    assert verified_inside == [("payment", "rejected", Decimal(1000))]
    assert refunds(order) == [("payment", "approved", Decimal(1000))]
    verified()


MOVES = {
    "approve": (refund_approve, {"operator_id": BORIS}, {"requested", "failed"}),
    "reject": (refund_reject, {"operator_id": BORIS}, {"requested"}),
    "reopen": (refund_reopen, {"operator_id": BORIS}, {"rejected"}),
    "confirm": (refund_confirm, {"reference": "bank 7"}, {"approved", "failed", "succeeded"}),  # again: nothing happens
    "fail": (refund_fail, {"problem": "none"}, {"approved", "failed"}),  # likewise
}


@pytest.mark.parametrize("status", ["requested", "approved", "rejected", "succeeded", "failed"])
@pytest.mark.parametrize("move", MOVES)
def test_a_refund_makes_the_declared_moves_and_no_other(move, status):
    _, refund = large()
    lead = {
        "requested": [],
        "approved": ["approve"],
        "rejected": ["reject"],
        "succeeded": ["approve", "confirm"],
        "failed": ["approve", "fail"],
    }
    for name in lead[status]:
        service, said, _ = MOVES[name]
        service(refund_id=refund.pk, **said)
    service, said, allowed = MOVES[move]
    if status in allowed:
        service(refund_id=refund.pk, **said)
        verified()
    else:
        refused("refund_status", service, refund_id=refund.pk, **said)


def test_what_is_not_there():
    for service, said, _ in MOVES.values():
        with pytest.raises(Refund.DoesNotExist):
            service(refund_id=uuid.uuid4(), **said)


# --- What is booked


def test_a_transfer_back_is_confirmed_by_an_operator_once(as_context):
    order = came()
    order_call_off(order_id=order.pk, reason="The client asked.")
    refund = Refund.objects.get()
    with as_context("admin"):
        refund_confirm(refund_id=refund.pk, reference="bank 7")
        before = everything()
        refund_confirm(refund_id=refund.pk, reference="bank 7")
        assert everything() == before
        refused("refund_sent", refund_confirm, refund_id=refund.pk, reference="bank 8")
    assert (order_status(order), payments(order), sums(order)) == ("refunded", [("refunded", HUNDRED)], {})
    assert Refund.objects.get().reference == "bank 7"
    assert events(order)[-2:] == ["order.refunded", "refund.succeeded"]
    verified()


def test_a_failed_payout_goes_back():
    order = came()
    order_process(order_id=order.pk)
    order_fail(order_id=order.pk, reason="The account is closed.")
    refund_confirm(refund_id=Refund.objects.get().pk, reference="bank 7")
    assert (order_status(order), sums(order)) == ("refunded", {})
    verified()


@pytest.mark.parametrize("first", ["excess", "payment"])
def test_a_payment_and_its_excess_go_back_apart_in_either_order(first):
    order = came("130")
    order_call_off(order_id=order.pk, reason="The client asked.")
    assert sorted(refunds(order)) == [("excess", "approved", Decimal(30)), ("payment", "approved", HUNDRED)]
    verified()
    refund_succeed(refund_id=Refund.objects.get(kind=first).pk, reference="bank 1")
    assert sums(order) == ({"client": -100, "suspense": 100} if first == "excess" else {"client": -30, "suspense": 30})
    verified()
    refund_succeed(refund_id=Refund.objects.exclude(kind=first).get().pk, reference="bank 2")
    assert (order_status(order), payments(order), sums(order)) == ("refunded", [("refunded", Decimal(130))], {})
    verified()


def test_a_held_payment_goes_back_and_the_order_goes_on():
    order = came("60")
    refund_confirm(refund_id=Refund.objects.get().pk, reference="bank 1")
    assert (order_status(order), payments(order), sums(order)) == ("pending", [("refunded", Decimal(60))], {})
    verified()


def test_a_fee_kept_meanwhile_does_not_go_back_twice():
    order, refund = large()
    refund_approve(refund_id=refund.pk, operator_id=BORIS)
    post(order, ledger.fee_charged(order, refund.payment, fee=Decimal(5)))
    refused("refund_amount", refund_confirm, refund_id=refund.pk, reference="bank 1")


def test_the_money_of_an_order_that_goes_on_stays_there():
    order = came()
    refund = Refund.objects.create(
        order=order,
        payment=order.payments.get(),
        kind="payment",
        amount=HUNDRED,
        large=False,
        reason="",
        status="approved",
    )
    refused("order_status", refund_confirm, refund_id=refund.pk, reference="bank 1")


# --- Sent by the processor


@pytest.fixture
def charged(sandbox):
    """``charged(card)``: an order called off after that card had paid it; the order, its payment and the refund."""

    def charged(card=cards.GOOD):
        order = OrderFactory()
        payment = sandbox.start(order)
        sandbox.pay(payment, card)
        sandbox.call()
        order_call_off(order_id=order.pk, reason="The client asked.")
        return order, payment, Refund.objects.get(order=order)

    return charged


@pytest.fixture
def work(world, settings):
    """Starts the web application's worker, a process of its own, which asks this processor."""
    running = []

    def work():
        log = world.paths.logs / "refunds-worker.log"
        url = settings.CARD_PROCESSOR_URL
        running.append(WorkerProcess(Context.WEB, world.environments, log, CARD_PROCESSOR_URL=url))

    yield work
    for worker in running:
        worker.kill()


def test_an_approved_refund_is_queued_once_and_sent(charged, sandbox, work):
    order, payment, refund = charged()
    transfer = came("60")
    assert refunds_queue() == 1
    assert refunds_queue() == 0
    work()
    until(lambda: order_status(order) == "refunded", seconds=WAIT_SECONDS)
    assert refunds(order) == [("payment", "succeeded", HUNDRED)]
    refund.refresh_from_db()
    [sent] = sandbox.refunds(payment)
    assert (sent["amount"], sent["currency"], sent["id"]) == ("100.00", "USD", refund.reference)
    assert refunds(transfer) == [("payment", "approved", Decimal(60))]  # an operator's
    assert refunds_queue() == 0
    verified()


def test_a_refund_that_got_no_answer_is_sent_again_by_the_worker(charged, sandbox, work, world):
    order, payment, _ = charged(cards.LOST_REFUND)
    refunds_queue()
    work()
    until(
        lambda: ProcrastinateJob.objects.filter(task_name="refunds.send", status="todo", attempts=1).exists(),
        seconds=WAIT_SECONDS,
    )
    assert refunds_queue() == 0  # its job waits for its next try
    assert refunds(order) == [("payment", "approved", HUNDRED)]
    until(lambda: order_status(order) == "refunded", seconds=WAIT_SECONDS)
    assert len(sandbox.refunds(payment)) == 1
    verified()


def test_a_refund_whose_answer_got_lost_is_sent_once(charged, sandbox):
    order, payment, refund = charged(cards.LOST_REFUND)
    before = everything()
    with pytest.raises(ProviderUnavailable):
        refund_send(refund_id=refund.pk)
    assert everything() == before
    refund_send(refund_id=refund.pk)
    assert len(sandbox.refunds(payment)) == 1
    assert (order_status(order), sums(order)) == ("refunded", {})
    verified()


def test_a_refund_that_the_processor_refuses_fails_and_may_be_approved_again(charged, sandbox):
    order, payment, refund = charged(cards.NO_REFUNDS)
    refund_send(refund_id=refund.pk)
    assert refunds(order) == [("payment", "failed", HUNDRED)]
    assert "422" in told(order, "refund.failed")["problem"]
    assert sums(order) == {"client": -100, "suspense": 100}
    before = everything()
    refund_send(refund_id=refund.pk)
    assert (everything(), refunds_queue()) == (before, 0)
    verified()
    refund_approve(refund_id=refund.pk, operator_id=BORIS)
    with sandbox.processor.books.changing():
        charge = sandbox.processor.books.charge(str(payment.pk))
        sandbox.processor.books.keep_charge({**charge, "card": cards.GOOD.number})
    assert refunds_queue() == 1
    refund_send(refund_id=refund.pk)
    assert (order_status(order), refunds(order)) == ("refunded", [("payment", "succeeded", HUNDRED)])
    verified()


def test_what_the_processor_refuses_is_sent_by_hand_and_by_it_no_more(charged, sandbox, as_context):
    order, payment, refund = charged(cards.NO_REFUNDS)
    with as_context("admin"):
        refused("refund_by_processor", refund_confirm, refund_id=refund.pk, reference="bank 1")
    refund_send(refund_id=refund.pk)
    with as_context("admin"):
        refund_confirm(refund_id=refund.pk, reference="bank 1")
        refused("refund_status", refund_approve, refund_id=refund.pk, operator_id=BORIS)
        refused("refund_sent", refund_confirm, refund_id=refund.pk, reference="bank 2")
    assert (order_status(order), refunds(order)) == ("refunded", [("payment", "succeeded", HUNDRED)])
    assert sums(order) == {}
    assert (refunds_queue(), sandbox.refunds(payment)) == (0, [])
    verified()


def test_of_one_who_has_it_sent_again_and_one_who_sends_it_by_hand_one_is_refused(charged):
    order, _, refund = charged(cards.NO_REFUNDS)
    refund_send(refund_id=refund.pk)

    again, by_hand = together(
        [
            lambda: refund_approve(refund_id=refund.pk, operator_id=BORIS),
            lambda: refund_confirm(refund_id=refund.pk, reference="bank 1"),
        ],
        threads=2,
    )
    if Refund.objects.get().status == "approved":
        assert (by_hand.code, sums(order)) == ("refund_by_processor", {"client": -100, "suspense": 100})
    else:
        assert (again.code, sums(order)) == ("refund_status", {})
    verified()


@pytest.mark.parametrize("status", ["requested", "rejected", "failed", "succeeded"])
def test_only_an_approved_refund_is_sent(status, charged, sandbox, world):
    _, payment, refund = charged()
    owner = world.superuser("web")
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE refunds SET status = %s", (status,))
    owner.execute("SET session_replication_role = origin")
    before = everything()
    refund_send(refund_id=refund.pk)
    assert (everything(), sandbox.refunds(payment), refunds_queue()) == (before, [], 0)


def test_a_card_is_not_refunded_by_hand(charged):
    _, _, refund = charged()
    refused("refund_by_processor", refund_confirm, refund_id=refund.pk, reference="bank 1")


SEND = """
import sys, uuid, django
django.setup()
from web.services.refund_sending import refund_send
refund_send(refund_id=uuid.UUID(sys.argv[1]))
"""
WAIT_SECONDS = 60


def test_a_worker_killed_after_the_money_went_and_before_it_was_booked(charged, sandbox, world, settings):
    order, payment, refund = charged()
    environment = {
        **process_environment(Context.WEB, world.environments),
        "DJANGO_SETTINGS_MODULE": "exchanger.settings",
        "CARD_PROCESSOR_URL": settings.CARD_PROCESSOR_URL,
    }
    before = everything()
    with connections["web"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (order.pk,))  # where booking begins
        worker = subprocess.Popen([sys.executable, "-c", SEND, str(refund.pk)], cwd=CHECKOUT, env=environment)
        until(lambda: waiting(world), seconds=WAIT_SECONDS)
        assert len(sandbox.refunds(payment)) == 1
        worker.kill()
        worker.wait()
        cursor.execute("ROLLBACK")
    until(lambda: not waiting(world), seconds=WAIT_SECONDS)
    assert everything() == before
    refund_send(refund_id=refund.pk)
    assert len(sandbox.refunds(payment)) == 1
    assert (order_status(order), refunds(order)) == ("refunded", [("payment", "succeeded", HUNDRED)])
    verified()


def waiting(world):
    statement = "SELECT FROM pg_stat_activity WHERE usename = 'exchanger_web' AND wait_event_type = 'Lock'"
    return world.superuser("web").execute(statement).rowcount
