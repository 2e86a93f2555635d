"""The queue: what waits, oldest first, and what each button does: once, with its permission, a reason and an entry."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from admin_panel.models import AuditLog
from admin_panel.panel.work import ACTIONS, MOMENT
from admin_panel.queue import MOST
from admin_panel.services.orders import MAY_REFUND, MAY_WORK
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.models import ExchangeRate, Order, Payment, Refund
from web.services.fulfilment import order_call_off
from web.services.payments import payment_settle
from web.services.refunds import refund_approve, refund_fail
from web.tests.factories import (
    ExchangeRateFactory,
    OrderFactory,
    PaymentFactory,
    PublishedConfigurationFactory,
    QuoteFactory,
    RefundFactory,
)
from web.tests.money import order_status, payments, refunds, sums, verified

pytestmark = pytest.mark.context("admin")
QUEUE = "/admin/queue/"
VIEWS = ("web.view_order", "web.view_payment", "web.view_refund")
REASON = {"reason": "Seen at the bank."}
HUNDRED = Decimal(100)
OTHER = UUID(int=1)  # an operator


def address(row, verb):
    return reverse(f"admin:web_{row._meta.model_name}_{verb}", args=[row.pk])


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at", "id")]


def browser(*permissions):
    client = Client(SERVER_NAME="localhost")
    client.person = UserFactory(permissions={"admin": permissions})
    client.cookies[settings.SESSION_COOKIE_NAME] = session_open(user=client.person).session_key
    return client


def shown_in(operator):
    """The rows of each section, as the page has them."""
    page = operator.get(QUEUE)
    return {section.name: [line["row"].pk for line in lines] for _, section, lines in page.context["sections"]}


@pytest.fixture
def the_exchange(everything):
    return lambda: {name: rows for name, rows in everything().items() if name.startswith("web.")}


@pytest.fixture(autouse=True)
def configuration(_marked_context):
    PublishedConfigurationFactory(changes={"large_refunds": {"USD": "50"}})


def ordered(**of):
    """An order of five minutes ago as a client makes it, with the quote that it took, and a transfer under way."""
    now = timezone.now()
    of = {"created_at": now - timedelta(minutes=5), "expires_at": now + timedelta(minutes=5), **of}
    order = OrderFactory(exchange_rate=Decimal("41.2925"), **of)
    rate = ExchangeRate.objects.first() or ExchangeRateFactory()
    QuoteFactory(order=order, user_id=order.user_id, rate_id=rate.pk)
    return order, PaymentFactory(order=order, reference=f"EX-{order.pk}")


def paid(**of):
    order, payment = ordered(**of)
    payment_settle(payment_id=payment.pk, amount=HUNDRED, received_at=timezone.now())
    return Order.objects.get(pk=order.pk)


def came(amount="100"):
    return {"amount": amount, "received_at": timezone.now().strftime(MOMENT)} | REASON


def test_an_order_goes_through_the_queue_from_its_transfer_to_its_payout(operator):
    order, payment = ordered()
    assert shown_in(operator) == {"orders": [], "payments": [payment.pk], "refunds": []}
    told = operator.post(address(payment, "confirm"), came() | {"back": "queue"}, follow=True)
    assert messages_of(told) == ["Payment of 100.00 USD is succeeded now."]
    assert told.redirect_chain == [(QUEUE, 302)]
    for verb, status in (("process", "processing"), ("complete", "completed")):
        assert shown_in(operator) == {"orders": [order.pk], "payments": [], "refunds": []}
        told = operator.post(address(order, verb), REASON, follow=True)
        assert messages_of(told) == [f"Order of 100.00 USD is {status} now."]
    assert shown_in(operator) == {"orders": [], "payments": [], "refunds": []}
    assert trail() == [("payment.confirm", "done"), ("order.process", "done"), ("order.complete", "done")]
    assert {entry.admin_id for entry in AuditLog.objects.all()} == {operator.person.pk}
    verified()


def test_a_transfer_of_less_is_held_and_its_refund_waits_for_its_sending(operator):
    order, payment = ordered()
    operator.post(address(payment, "confirm"), came("40"))
    assert order_status(order) == "pending"
    refund = Refund.objects.get()
    assert shown_in(operator)["refunds"] == [refund.pk]
    told = operator.post(address(refund, "confirm"), REASON | {"reference": "TR-1"}, follow=True)
    assert messages_of(told) == ["Refund of 40.00 USD is succeeded now."]
    assert payments(order) == [("refunded", Decimal(40))]
    verified()


def test_a_second_transfer_is_booked_as_a_payment_of_its_own_once(operator):
    order = paid()
    fields = came("70") | {"reference": "BANK-7"}
    told = operator.post(address(order, "record"), fields, follow=True)
    assert messages_of(told) == ["Payment of 70.00 USD is succeeded now."]
    told = operator.post(address(order, "record"), fields, follow=True)
    assert "booked already" in messages_of(told)[0]
    assert payments(order) == [("succeeded", HUNDRED), ("succeeded", Decimal(70))]
    assert refunds(order) == [("payment", "requested", Decimal(70))]
    assert trail() == [("order.payment.record", "done"), ("order.payment.record", "failed")]
    verified()


def test_a_large_refund_takes_a_second_operator(operator):
    order = paid()
    operator.post(address(order, "cancel"), REASON)
    refund = Refund.objects.get()
    assert (refund.status, refund.large, refund.requested_by) == ("requested", True, operator.person.pk)
    told = operator.post(address(refund, "approve"), REASON, follow=True)
    assert "somebody else" in messages_of(told)[-1]
    assert refunds(order) == [("payment", "requested", HUNDRED)]
    second = browser(*VIEWS, MAY_REFUND)
    second.post(address(refund, "approve"), REASON)
    second.post(address(refund, "confirm"), REASON | {"reference": "TR-2"})
    assert order_status(order) == "refunded"
    assert sums(order) == {}
    assert trail()[1:] == [("refund.approve", "failed"), ("refund.approve", "done"), ("refund.confirm", "done")]
    verified()


def test_a_refund_that_was_rejected_is_asked_for_again(operator):
    operator.post(address(paid(), "cancel"), REASON)
    refund = Refund.objects.get()
    for verb, status in (("reject", "rejected"), ("reopen", "requested")):
        operator.post(address(refund, verb), REASON)
        assert Refund.objects.get().status == status


def test_a_card_refund_that_its_processor_refused_is_sent_by_hand_or_once_more(operator):
    order = OrderFactory(user_id=UserFactory().pk)
    payment = PaymentFactory(order=order, payment_method="card")
    payment_settle(payment_id=payment.pk, amount=HUNDRED, received_at=timezone.now())
    order_call_off(order_id=order.pk, reason="The client asked.")
    refund = Refund.objects.get()
    refund_approve(refund_id=refund.pk, operator_id=OTHER)
    assert shown_in(operator)["refunds"] == []
    refund_fail(refund_id=refund.pk, problem="The card is closed.")
    assert shown_in(operator)["refunds"] == [refund.pk]
    page = operator.get(QUEUE).text
    assert address(refund, "approve") in page
    assert address(refund, "confirm") in page
    told = operator.post(address(refund, "confirm"), REASON | {"reference": "TR-3"}, follow=True)
    assert messages_of(told) == ["Refund of 100.00 USD is succeeded now."]
    told = operator.post(address(refund, "confirm"), REASON | {"reference": "TR-4"}, follow=True)
    assert "TR-3" in messages_of(told)[0]
    assert (order_status(order), Refund.objects.get().reference) == ("refunded", "TR-3")
    assert trail() == [("refund.confirm", "done"), ("refund.confirm", "failed")]
    verified()


def test_a_payout_that_failed_has_its_money_sent_back(operator):
    order = paid()
    operator.post(address(order, "process"), REASON)
    operator.post(address(order, "fail"), REASON)
    assert order_status(order) == "failed"
    assert refunds(order) == [("payment", "requested", HUNDRED)]
    verified()


def test_of_two_operators_at_once_one_does_it_and_the_other_is_told():
    order = paid()
    operators = [browser(*VIEWS, MAY_WORK), browser(*VIEWS, MAY_WORK)]

    def press(client):
        try:
            return client.post(address(order, "process"), REASON, follow=True).text
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as threads:
        pages = list(threads.map(press, operators))
    for told in ("Order of 100.00 USD is processing now.", "so it cannot become processing: look at it again."):
        assert sum(told in page for page in pages) == 1
    assert sorted(trail()) == [("order.process", "done"), ("order.process", "failed")]


EVERY = [(model, action) for model, actions in ACTIONS.items() for action in actions]


def subject(model):
    return {Order: paid, Payment: lambda: ordered()[1], Refund: RefundFactory}[model]()


@pytest.mark.parametrize(("model", "action"), EVERY, ids=[f"{m.__name__}.{a.verb}" for m, a in EVERY])
def test_nothing_is_done_without_the_permission_or_without_a_reason(model, action, the_exchange):
    row = subject(model)
    fields = came() | {"reference": "TR-3"}
    looker, worker = browser(*VIEWS), browser(*VIEWS, action.permission)
    assert action.label + "…" not in looker.get(QUEUE).text
    before = the_exchange()
    refused = looker.post(address(row, action.verb), fields, follow=True)
    assert action.permission in messages_of(refused)[0]
    unexplained = worker.post(address(row, action.verb), fields | {"reason": " "}, follow=True)
    assert "Say why" in messages_of(unexplained)[0]
    assert the_exchange() == before
    verb = "order.payment.record" if action.verb == "record" else f"{row._meta.model_name}.{action.verb}"
    assert trail() == [(verb, "denied"), (verb, "failed")]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount": "much"}, "in digits"),
        ({"amount": "NaN"}, "above zero"),
        ({"amount": "-5"}, "above zero"),
        ({"amount": "0.001"}, "above zero"),
        ({"received_at": "yesterday"}, "in UTC"),
        ({"received_at": "2999-01-01T00:00:00"}, "not in the future"),
        ({"received_at": "2001-01-01T00:00:00"}, "after the order was made"),
    ],
)
def test_a_transfer_that_cannot_have_come_so_is_refused(fields, told, operator, the_exchange):
    _, payment = ordered()
    before = the_exchange()
    answer = operator.post(address(payment, "confirm"), came() | fields, follow=True)
    assert told in messages_of(answer)[0]
    assert the_exchange() == before


def test_money_in_a_currency_that_was_given_up_meanwhile_is_booked_all_the_same(operator):
    order = OrderFactory(from_currency="XQQ", created_at=timezone.now() - timedelta(minutes=5))
    payment = PaymentFactory(order=order)
    told = operator.post(address(payment, "confirm"), came(), follow=True)
    assert messages_of(told) == ["Payment of 100.00 XQQ is succeeded now."]
    assert order_status(order) == "paid"
    verified()


def test_a_moment_that_is_told_with_its_offset_is_that_moment(operator):
    _, payment = ordered()
    there = timezone.localtime(timezone=timezone.get_fixed_timezone(300)).isoformat(timespec="seconds")
    told = operator.post(address(payment, "confirm"), came() | {"received_at": there}, follow=True)
    assert messages_of(told) == ["Payment of 100.00 USD is succeeded now."]


def test_a_card_payment_is_not_an_operators_to_confirm(operator, the_exchange):
    order, _ = ordered()
    payment = PaymentFactory(order=order, payment_method="card")
    assert payment.pk not in shown_in(operator)["payments"]
    before = the_exchange()
    answer = operator.post(address(payment, "confirm"), came(), follow=True)
    assert "by its processor alone" in messages_of(answer)[0]
    assert the_exchange() == before


def test_the_oldest_come_first_and_each_section_is_bounded(operator, statements):
    order, _ = ordered()
    for hours in (1, 3, 2):
        PaymentFactory(order=order, created_at=timezone.now() - timedelta(hours=hours))
    operator.get(QUEUE)
    few = statements(lambda: operator.get(QUEUE))
    PaymentFactory.create_batch(MOST, order=order)
    many = statements(lambda: operator.get(QUEUE))
    assert {alias: len(sent) for alias, sent in many.items()} == {alias: len(sent) for alias, sent in few.items()}
    page = operator.get(QUEUE)
    _, section, lines = page.context["sections"][1]
    assert len(lines) == MOST
    assert section.more
    waits = [line["row"].waiting_since for line in lines]
    assert waits == sorted(waits)
    assert f"The {MOST} oldest" in page.text


@pytest.mark.parametrize("permission", VIEWS)
def test_who_may_see_one_kind_sees_one_section(permission):
    paid(), ordered(), RefundFactory()
    sections = shown_in(browser(permission))
    assert list(sections) == [f"{permission.partition('_')[2]}s"]


def test_who_may_see_nothing_of_it_has_no_queue():
    client = browser("identity.view_user")
    assert client.get(QUEUE).status_code == 403
    assert "Queue" not in client.get("/admin/").text


def test_a_page_shows_what_its_row_can_be_told_and_no_more(operator):
    order = paid()
    page = operator.get(reverse("admin:web_order_change", args=[order.pk])).text
    assert "Begin payout…" in page
    assert "Cancel…" in page
    assert "Paid out…" not in page
