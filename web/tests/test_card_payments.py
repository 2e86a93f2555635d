"""Cards over real HTTP, with a processor that does everything that processors do."""

import threading
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from django.db import connections, transaction
from django.utils import timezone

from exchanger.kernel.contexts import Context
from exchanger.sandbox import cards
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.waiting import until
from web.models import Payment, ProviderEvent
from web.payments.card import CALLBACK_PATH
from web.payments.registry import CARD
from web.services.charges import GIVE_UP_CHARGE, GIVE_UP_TRANSFER, charge_book, payments_reconcile
from web.services.moves import order_lock, order_move
from web.services.refund_sending import refund_send
from web.tests.factories import OrderFactory, PaymentFactory
from web.tests.money import events, everything, order_status, payments, refunds, sums, told, verified

pytestmark = pytest.mark.context("web")
WAIT_SECONDS = 60
HUNDRED = Decimal(100)


@pytest.fixture(autouse=True)
def configured(publish):
    publish()


@pytest.fixture
def order():
    return OrderFactory(expires_at=timezone.now() + timedelta(minutes=15))


def expire(order):
    with transaction.atomic(using="web"):
        order_move(order=order_lock(order_id=order.pk), to="expired")


def aged(world, by=timedelta(minutes=2)):
    """As if the payments had begun earlier: PostgreSQL keeps their figures, so its triggers rest meanwhile."""
    owner = world.superuser("web")
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE payments SET created_at = created_at - %s", (by,))
    owner.execute("SET session_replication_role = origin")


def test_a_person_finds_the_amount_and_the_cards_on_the_page(sandbox, order):
    payment = sandbox.start(order)
    page = httpx.get(payment.instructions["checkout_url"])
    assert page.status_code == 200
    assert "Pay 100.00 USD" in page.text
    assert all(number in page.text for number in cards.CARDS)
    assert everything()[1][0]["status"] == "pending"


def test_a_card_that_succeeds_pays_the_order(sandbox, order):
    payment = sandbox.start(order)
    assert sandbox.pay(payment, cards.GOOD).status_code == 200
    assert order_status(order) == "pending"
    assert sandbox.call() == 1
    assert (order_status(order), payments(order), refunds(order)) == ("paid", [("succeeded", HUNDRED)], [])
    payment = Payment.objects.get()
    assert payment.reference == sandbox.charge(payment)["id"]
    assert payment.received_at.isoformat() == sandbox.charge(payment)["received_at"]
    assert events(order) == ["order.paid"]
    verified()


def test_a_card_that_is_declined_fails_the_payment_and_another_card_pays_it(sandbox, order):
    payment = sandbox.start(order)
    assert "Declined" in sandbox.pay(payment, cards.DECLINED).text
    sandbox.call()
    assert (order_status(order), payments(order), sums(order)) == ("pending", [("failed", HUNDRED)], {})
    assert told(order, "payment.failed")["reason"] == "declined"
    sandbox.pay(payment, cards.GOOD)
    sandbox.call()
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    assert events(order) == ["payment.failed", "order.paid"]
    verified()


def test_a_card_charged_before_a_time_out_is_found_by_asking(sandbox, order, world):
    payment = sandbox.start(order)
    assert sandbox.pay(payment, cards.TIMES_OUT).status_code == 504
    assert sandbox.call() == 0
    assert payments_reconcile() == 0  # its call is waited for
    aged(world)
    assert payments_reconcile() == 1
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    assert payments_reconcile() == 0
    verified()


def test_a_card_declined_and_charged_without_a_call_is_found_by_asking(sandbox, order, world):
    payment = sandbox.start(order)
    sandbox.pay(payment, cards.DECLINED)
    sandbox.call()
    sandbox.pay(payment, cards.TIMES_OUT)
    aged(world)
    assert payments_reconcile() == 1
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    verified()


def test_an_order_that_somebody_has_locked_keeps_no_other_payment_waiting(sandbox, order, world):
    other = OrderFactory(expires_at=order.expires_at)
    for each in (order, other):
        sandbox.pay(sandbox.start(each), cards.TIMES_OUT)
    aged(world)
    owner = world.superuser("web")
    connections["web"].cursor().execute("SET lock_timeout = '100ms'")
    with owner.transaction():
        owner.execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (order.pk,))
        assert payments_reconcile() == 2
        assert (order_status(order), order_status(other)) == ("pending", "paid")
    connections["web"].cursor().execute("RESET lock_timeout")
    assert payments_reconcile() == 1
    assert order_status(order) == "paid"
    verified()


def test_an_order_that_somebody_has_locked_keeps_no_other_transfer_from_being_given_up(order, world):
    other = OrderFactory(expires_at=order.expires_at)
    for each in (order, other):
        PaymentFactory(order=each)
    aged(world, GIVE_UP_TRANSFER + timedelta(minutes=1))
    owner = world.superuser("web")
    connections["web"].cursor().execute("SET lock_timeout = '50ms'")
    with owner.transaction():
        owner.execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (order.pk,))
        payments_reconcile()
    connections["web"].cursor().execute("RESET lock_timeout")
    assert (payments(order), payments(other)) == ([("pending", HUNDRED)], [("cancelled", HUNDRED)])


def test_a_charge_that_cannot_be_read_keeps_no_other_payment_waiting(sandbox, order, world):
    other = OrderFactory(expires_at=order.expires_at)
    unread, _ = payments_begun = [sandbox.start(each) for each in (order, other)]
    for payment in payments_begun:
        sandbox.pay(payment, cards.TIMES_OUT)
    charge = sandbox.processor.books.charge(str(unread.pk))
    sandbox.processor.books.keep_charge({**charge, "amount": "0.00"})
    aged(world)
    for _ in range(2):
        payments_reconcile()
    assert (order_status(order), order_status(other)) == ("pending", "paid")
    verified()


def test_a_call_made_twice_is_obeyed_once(sandbox, order):
    sandbox.pay(sandbox.start(order), cards.TWICE)
    assert sandbox.call() == 2
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    assert events(order) == ["order.paid"]
    assert ProviderEvent.objects.count() == 1
    verified()


def test_a_late_call_of_money_that_came_in_time_pays_the_expired_order(sandbox, order):
    sandbox.pay(sandbox.start(order), cards.LATE)
    expire(order)
    assert sandbox.processor.deliver() == 0  # not yet
    assert sandbox.call() == 1
    assert order_status(order) == "paid"
    assert events(order) == ["order.expired", "order.paid"]
    verified()


def test_a_decline_told_after_the_success_changes_nothing(sandbox, order):
    sandbox.pay(sandbox.start(order), cards.OUT_OF_ORDER)
    assert sandbox.call() == 2
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    assert events(order) == ["order.paid"]
    assert ProviderEvent.objects.count() == 2
    verified()


def test_money_that_came_after_the_order_had_expired_goes_back(sandbox):
    order = OrderFactory(expires_at=timezone.now() + timedelta(seconds=5))
    payment = sandbox.start(order)
    charged = timezone.now() + timedelta(seconds=10)
    sandbox.pay(payment, cards.TIMES_OUT)
    with sandbox.processor.books.changing():
        charge = sandbox.processor.books.charge(str(payment.pk))
        sandbox.processor.books.keep_charge({**charge, "received_at": charged.isoformat()})
    charge_book(charge=CARD.fetch(payment.pk), method="card")
    assert (order_status(order), payments(order)) == ("pending", [("succeeded", HUNDRED)])
    assert told(order, "payment.held")["reason"] == "late"
    assert refunds(order) == [("payment", "approved", HUNDRED)]
    verified()


def test_half_of_the_amount_is_held_and_goes_back(sandbox, order):
    payment = sandbox.start(order)
    sandbox.pay(payment, cards.HALF)
    sandbox.call()
    assert (order_status(order), payments(order)) == ("pending", [("succeeded", Decimal(50))])
    assert sums(order) == {"client": -50, "suspense": 50}
    assert told(order, "payment.held")["reason"] == "partial"
    verified()
    send(order)
    assert refunds(order) == [("payment", "succeeded", Decimal(50))]
    assert (order_status(order), payments(order), sums(order)) == ("pending", [("refunded", Decimal(50))], {})
    assert [refund["amount"] for refund in sandbox.refunds(payment)] == ["50.00"]
    verified()


def test_a_tenth_too_much_pays_the_order_and_the_tenth_goes_back(sandbox, order):
    payment = sandbox.start(order)
    sandbox.pay(payment, cards.MORE)
    sandbox.call()
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", Decimal(110))])
    assert sums(order) == {"client": -110, "house": 100, "suspense": 10}
    send(order)
    assert refunds(order) == [("excess", "succeeded", Decimal(10))]
    assert (order_status(order), sums(order)) == ("paid", {"client": -100, "house": 100})
    assert [refund["amount"] for refund in sandbox.refunds(payment)] == ["10.00"]
    verified()


def test_a_refund_with_a_long_name_is_booked(sandbox, order):
    payment = sandbox.start(order)
    sandbox.pay(payment, cards.HALF)
    sandbox.call()
    wanted = {"payment_id": str(payment.pk), "amount": "50.00", "currency": "USD"}
    sandbox.processor.books.keep_refund(str(order.refunds.get().pk), {"id": "re_" + "7" * 200, **wanted})
    send(order)
    assert refunds(order) == [("payment", "succeeded", Decimal(50))]
    verified()


def test_the_second_of_two_payments_goes_back(sandbox, order):
    first, second = sandbox.start(order), sandbox.start(order)
    for payment in (first, second):
        sandbox.pay(payment, cards.GOOD)
    sandbox.call()
    assert payments(order) == [("succeeded", HUNDRED)] * 2
    assert told(order, "payment.held")["reason"] == "duplicate"
    send(order)
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED), ("refunded", HUNDRED)])
    assert (sandbox.refunds(first), len(sandbox.refunds(second))) == ([], 1)
    verified()


def send(order):
    for refund in order.refunds.all():
        refund_send(refund_id=refund.pk)


def test_the_processor_charges_a_payment_once_however_often_its_page_is_used(sandbox, order):
    payment = sandbox.start(order)
    for _ in range(2):
        sandbox.pay(payment, cards.GOOD)
    assert sandbox.call() == 1
    assert payments(order) == [("succeeded", HUNDRED)]


def test_calls_wait_for_a_web_process_that_does_not_answer(sandbox, order, settings):
    settings.PUBLIC_WEB_URL = "http://127.0.0.1:1"  # nobody listens there
    sandbox.pay(sandbox.start(order), cards.GOOD)
    assert sandbox.call() == 0
    assert len(sandbox.processor.books.calls(1e12)) == 1
    assert order_status(order) == "pending"


def test_an_attempt_that_nobody_paid_is_given_up_and_money_that_comes_after_all_is_booked(sandbox, order, world):
    payment = sandbox.start(order)
    aged(world, GIVE_UP_CHARGE - timedelta(minutes=1))
    assert payments_reconcile() == 1
    assert payments(order) == [("pending", HUNDRED)]
    aged(world)
    assert payments_reconcile() == 1
    assert (payments(order), events(order)) == ([("cancelled", HUNDRED)], ["payment.cancelled"])
    assert payments_reconcile() == 0
    sandbox.pay(payment, cards.GOOD)
    sandbox.call()
    assert (order_status(order), payments(order)) == ("paid", [("succeeded", HUNDRED)])
    verified()


def test_a_processor_that_does_not_answer_is_asked_again_and_nothing_is_given_up(sandbox, order, world, settings):
    payment = sandbox.start(order)
    sandbox.pay(payment, cards.TIMES_OUT)
    aged(world, GIVE_UP_CHARGE + timedelta(hours=1))
    there = settings.CARD_PROCESSOR_URL
    settings.CARD_PROCESSOR_URL = "http://127.0.0.1:1"
    assert payments_reconcile() == 0
    assert (order_status(order), payments(order), events(order)) == ("pending", [("pending", HUNDRED)], [])
    settings.CARD_PROCESSOR_URL = there
    assert payments_reconcile() == 1
    assert order_status(order) == "paid"


def test_a_web_process_killed_while_it_books_is_called_again_and_books_once(sandbox, order, world, settings, processes):
    process = ApplicationProcess(Context.WEB, world.environments, world.paths.logs / "killed.log")
    settings.PUBLIC_WEB_URL = process.url
    sandbox.pay(sandbox.start(order), cards.GOOD)
    before, calling = everything(), threading.Thread(target=sandbox.call)
    with connections["web"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (order.pk,))
        calling.start()
        until(lambda: waiting(world), seconds=WAIT_SECONDS)
        assert ProviderEvent.objects.count() == 0  # it is there, and nobody sees it yet
        process.kill()
        cursor.execute("ROLLBACK")
    calling.join()
    until(lambda: not waiting(world), seconds=WAIT_SECONDS)
    assert (everything(), ProviderEvent.objects.count()) == (before, 0)
    sandbox.processor.books.redirect(processes[Context.WEB].url + CALLBACK_PATH)
    assert sandbox.call() == 1
    assert (order_status(order), events(order)) == ("paid", ["order.paid"])
    verified()


def waiting(world):
    statement = "SELECT FROM pg_stat_activity WHERE usename = 'exchanger_web' AND wait_event_type = 'Lock'"
    return world.superuser("web").execute(statement).rowcount
