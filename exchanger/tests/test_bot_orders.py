"""/orders and /status in a chat, over real HTTP to a real web: where orders stand, and what can be done about them."""

import pytest
from django.db import transaction

from bot.dialogues.orders import NEXT, STATUSES
from bot.tests.updates import CHAT
from bot.texts import order_number
from exchanger.kernel.contexts import Context
from exchanger.tests.chat import Chat, open_market
from identity.tests.factories import UserFactory
from web.models import Order, OrderStatus
from web.services.moves import order_lock, order_move
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("telegram")


@pytest.fixture(autouse=True)
def web(settings, processes):
    settings.WEB_INTERNAL_URL = processes[Context.WEB].url


@pytest.fixture
def anna(world):
    return UserFactory(profile__telegram_user_id=CHAT, profile__time_zone="Europe/Kyiv")


@pytest.fixture
def chat(anna):
    return Chat()


@pytest.fixture
def pending(chat, world):
    """The number of an order that has been placed in the chat, and is to be paid."""
    open_market()
    for said in ("/exchange", "USD", "UAH", "100", "Confirm", "Later"):
        answer = chat.press(said) if said in chat.labels else chat.say(said)
    return answer.split()[-1]


@pytest.fixture
def paid(as_context):
    """``paid()``: the money of the one order has come."""

    def pay():
        with as_context("web"), transaction.atomic(using="web"):
            order_move(order=order_lock(order_id=Order.objects.get().pk), to=OrderStatus.PAID)

    return pay


def statuses(world):
    return [
        status
        for (status,) in world.superuser("web").execute("SELECT status FROM orders ORDER BY created_at, id").fetchall()
    ]


def test_the_latest_five_are_listed_and_older_ones_follow(chat, anna):
    made = [OrderFactory(user_id=anna.pk, status=OrderStatus.COMPLETED) for _ in range(7)]
    OrderFactory()
    numbers = [order_number(order.pk) for order in reversed(made)]
    first = chat.say("/orders")
    assert chat.labels == [*numbers[:5], "Older"]
    assert [line.split(" · ")[0] for line in first.split("\n")[2:]] == numbers[:5]
    assert first.split("\n")[2].split(" · ")[2] == "completed"
    assert "(Europe/Kyiv)" in first
    second = chat.press("Older")
    assert chat.labels == [*numbers[5:], "Newest"]
    assert [line.split(" · ")[0] for line in second.split("\n")[2:]] == numbers[5:]
    chat.press("Newest")
    assert chat.labels == [*numbers[:5], "Older"]
    for number in numbers[:2]:
        assert chat.press(number).startswith(f"Order {number}: completed\n")


def test_who_has_none_is_told_how_to_begin(chat):
    for command in ("/orders", "/status"):
        assert chat.say(command) == "You have no orders yet. The first one: /exchange"
    assert chat.state == "idle"


@pytest.mark.parametrize(
    ("status", "language", "words"),
    [
        ("paid", "en", "Your payment is here. You need not do anything"),
        ("processing", "uk", "Нічого робити не треба"),
        ("completed", "en", "on its way to you"),
        ("cancelled", "ru", "отменена"),
        ("expired", "en", "No payment came in time"),
        ("failed", "uk", "в безпеці"),
        ("refunded", "ru", "возвращаются"),
    ],
)
def test_a_status_says_what_comes_next_in_the_persons_language(world, status, language, words):
    anna = UserFactory(profile__telegram_user_id=CHAT, profile__language=language)
    order = OrderFactory(user_id=anna.pk, status=status)
    answer = Chat().say("/status")
    assert order_number(order.pk) in answer
    assert words in answer


def test_every_status_of_web_is_told_in_words():
    assert set(STATUSES) == set(OrderStatus.values)
    assert set(NEXT) == set(OrderStatus.values) - {"pending"}


def test_an_order_is_found_by_its_number_or_its_whole_id(chat, anna):
    first, last = OrderFactory(user_id=anna.pk, status="completed"), OrderFactory(user_id=anna.pk, status="completed")
    assert f"Order {order_number(last.pk)}" in chat.say("/status")
    for typed in (order_number(first.pk), order_number(first.pk).lower(), str(first.pk)):
        assert f"Order {order_number(first.pk)}" in chat.say(f"/status {typed}")


def test_anothers_order_is_nobodys(chat):
    other = OrderFactory()
    assert "no such order" in chat.say(f"/status {order_number(other.pk)}")
    assert chat.say(f"/status {other.pk}") == "I cannot find this any more."
    for typed in ("x", "../payments", "1234"):
        assert "no such order" in chat.say(f"/status {typed}")


def test_what_is_not_paid_can_be_paid_and_its_instructions_are_shown_again(chat, pending, world):
    assert "Pay before" in chat.say("/status")
    assert chat.labels == ["Pay", "Cancel the order"]
    chat.press("Pay")
    chat.press("By bank transfer")
    again = chat.say(f"/status {pending}")
    assert "Send 100.00 USD by bank transfer:" in again
    assert "Purpose, exactly so: EX-" in again
    assert world.superuser("web").execute("SELECT count(*) FROM payments").fetchone() == (1,)


def test_what_is_not_paid_can_be_cancelled_when_that_is_confirmed(chat, pending, world):
    chat.say("/status")
    assert "Shall I cancel order" in chat.press("Cancel the order")
    assert chat.press("No") == f"Order {pending} stays."
    assert statuses(world) == ["pending"]
    chat.say("/status")
    chat.press("Cancel the order")
    assert chat.press("Yes, cancel it") == f"Order {pending} is cancelled."
    assert (statuses(world), chat.state) == (["cancelled"], "idle")
    assert "cancelled" in chat.say("/status")


def test_what_has_been_paid_meanwhile_is_not_cancelled_and_says_so(chat, pending, world, paid):
    chat.say("/status")
    chat.press("Cancel the order")
    paid()
    answer = chat.press("Yes, cancel it")
    assert answer.startswith("This order cannot be cancelled any more.\n--\nOrder ")
    assert (statuses(world), chat.state) == (["paid"], "idle")


def test_what_has_been_paid_meanwhile_is_not_asked_for_again(chat, pending, world, paid):
    chat.say("/status")
    chat.press("Pay")
    paid()
    assert chat.press("By card") == "This order waits for no payment any more."
    assert world.superuser("web").execute("SELECT count(*) FROM payments").fetchone() == (0,)


def test_while_web_is_away_the_list_stays_where_it_is(chat, anna, settings):
    for _ in range(6):
        OrderFactory(user_id=anna.pk, status="completed")
    chat.say("/orders")
    there, settings.WEB_INTERNAL_URL = settings.WEB_INTERNAL_URL, "http://127.0.0.1:1"
    assert "cannot reach the exchange" in chat.press("Older")
    settings.WEB_INTERNAL_URL = there
    chat.press("Older")
    assert len(chat.labels) == 2
