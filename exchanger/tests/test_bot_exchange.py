"""/exchange in a chat, over real HTTP to a real web: from a currency to instructions for the payment."""

import re
import socket
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bot.configuration import forget_recent
from bot.dialogues.standing import Standing
from bot.models import BotUpdate, Conversation
from bot.services import update_handling
from bot.services.configuration import configuration_publish
from bot.tests.updates import CHAT, handle, store
from exchanger.kernel.contexts import Context
from exchanger.testing.proxy import FaultyProxy, answer_lost, broken
from exchanger.tests.chat import ACCOUNT, Chat, open_market
from identity.services.telegram_links import telegram_account_unlink
from identity.tests.factories import UserFactory
from web.tests.factories import ExchangeRateFactory, PublishedConfigurationFactory

pytestmark = pytest.mark.context("telegram")
AWAY = "I cannot reach the exchange at the moment. Please try again in a few minutes."


@pytest.fixture(autouse=True)
def web(settings, processes):
    settings.WEB_INTERNAL_URL = processes[Context.WEB].url
    return processes[Context.WEB]


@pytest.fixture
def market(world):
    return open_market()


@pytest.fixture
def anna(world):
    return UserFactory(profile__telegram_user_id=CHAT, profile__time_zone="Europe/Kyiv")


@pytest.fixture
def chat(anna):
    return Chat()


@pytest.fixture
def proxy(web, settings):
    proxy = FaultyProxy(web.url)
    settings.WEB_INTERNAL_URL = proxy.url
    yield proxy
    proxy.close()


def to_the_amount(chat, source="USD", target="UAH"):
    chat.say("/exchange")
    chat.press(source)
    return chat.press(target)


def to_the_quote(chat, amount="100"):
    to_the_amount(chat)
    return chat.say(amount)


def orders(world):
    return (
        world.superuser("web")
        .execute("SELECT from_currency, amount, status FROM orders ORDER BY created_at, id")
        .fetchall()
    )


def payments(world):
    return world.superuser("web").execute("SELECT payment_method, status FROM payments").fetchall()


def standing():
    row = Conversation.objects.get()
    return Standing.read(row.state, row.context)


def change_web(world, **changes):
    """What an operator publishes; web's processes obey within seconds, and its decisions at once."""
    world.superuser("web").execute("DELETE FROM published_configuration")
    PublishedConfigurationFactory(changes={"bank_accounts": {"USD": ACCOUNT}, **changes}, version=2)


# --- The way through


def test_from_a_currency_to_the_instructions_of_a_payment(chat, market, world):
    assert chat.say("/exchange") == "Which currency do you give?"
    assert chat.labels == ["USD", "UAH"]
    assert chat.press("USD") == "You give USD. Which currency do you want?"
    assert chat.labels == ["UAH"]
    assert chat.press("UAH") == (
        "USD → UAH\n1 USD = 41.2925 UAH\nFee: 0.3 % of what you get\n\n"
        "How much USD do you give? From 20 to 10000.\n"
        "Or write what you want to get, with its currency: 5000 UAH"
    )
    quote = chat.say("1 00,00")
    assert "Write the amount in digits" in quote
    quote = chat.say("100,00")
    assert re.fullmatch(
        r"You give 100\.00 USD\nYou get 4116\.86 UAH\nRate: 1 USD = 41\.2925 UAH\n"
        r"Fee: 12\.39 UAH, taken off already\nFirm until \S+ \S+ \(Europe/Kyiv\)",
        quote,
    )
    assert chat.labels == ["Confirm", "Another amount", "Cancel"]
    assert orders(world) == []
    placed, asked = chat.press("Confirm").split("\n--\n")
    assert orders(world) == [("USD", Decimal(100), "pending")]
    number = re.fullmatch(r"Order ([0-9A-F]{8}) is placed\.", placed)[1]
    assert asked.startswith("To pay: 100.00 USD\nPay before ")
    assert chat.labels == ["By card", "By bank transfer", "Later"]
    _, told, where = chat.press("By bank transfer").split("\n--\n")
    assert "Send 100.00 USD by bank transfer:\nRecipient: Exchanger LLC\nIBAN: UA90305" in told
    assert "Purpose, exactly so: EX-" in told
    assert f"/status {number}" in where
    assert payments(world) == [("bank_transfer", "pending")]
    assert chat.state == "idle"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("uk", ["Яку валюту ви віддаєте?", "Ви отримуєте 4116.86 UAH", "прийнято", "Надішліть 100.00 USD"]),
        ("ru", ["Какую валюту вы отдаёте?", "Вы получаете 4116.86 UAH", "принята", "Отправьте 100.00 USD"]),
    ],
)
def test_in_the_other_languages(market, world, language, words):
    UserFactory(profile__telegram_user_id=CHAT, profile__language=language)
    chat = Chat(language="en")
    said = [chat.say("/exchange")]
    chat.press("USD")
    chat.press("UAH")
    said += [chat.say("100"), chat.press(chat.labels[0]), chat.press(chat.labels[1])]
    for word in words:
        assert any(word in text for text in said), word
    assert len(orders(world)) == 1


@pytest.mark.parametrize(
    ("typed", "given", "got"),
    [
        ("1000.5 usd", "1000.50 USD", "41189.20 UAH"),
        ("$1 000,50", "1000.50 USD", "41189.20 UAH"),
        ("5000 uah", "121.46 USD", "5000.00 UAH"),
        ("5000 грн", "121.46 USD", "5000.00 UAH"),
    ],
)
def test_the_amount_may_be_of_either_currency(chat, market, typed, given, got):
    quote = to_the_quote(chat, typed)
    assert f"You give {given}\nYou get {got}\n" in quote


def test_a_card_is_paid_on_the_processors_page(chat, market, world):
    to_the_quote(chat)
    chat.press("Confirm")
    assert re.search(r"\nPay 100\.00 USD by card here:\nhttps?://\S+/checkout\?data=", chat.press("By card"))
    assert payments(world) == [("card", "pending")]


def test_a_way_to_pay_that_web_does_not_take_is_replaced_by_those_that_it_takes(chat, market, world):
    to_the_amount(chat, "UAH", "USD")
    chat.say("5000")
    chat.press("Confirm")
    assert "cannot be paid in this way" in chat.press("By bank transfer")
    assert chat.labels == ["By card", "Later"]
    assert payments(world) == []
    chat.press("By card")
    assert payments(world) == [("card", "pending")]


def test_who_pays_later_is_told_how(chat, market, world):
    to_the_quote(chat)
    chat.press("Confirm")
    assert re.fullmatch(r"You can pay for the order later: /status [0-9A-F]{8}", chat.press("Later"))
    assert (payments(world), len(orders(world)), chat.state) == ([], 1, "idle")


def test_another_amount_and_cancel(chat, market, world):
    to_the_quote(chat)
    assert "How much USD do you give?" in chat.press("Another amount")
    assert "You give 200.00 USD" in chat.say("200")
    assert chat.press("Cancel") == "Cancelled. Nothing was done."
    assert (orders(world), chat.state) == ([], "idle")


# --- What is refused


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("much", "Write the amount in digits, like this: 1000.50"),
        ("1,000", "This can mean two amounts. Write 1000 or 1.0000."),
        ("0", "The amount must be more than zero."),
        ("100 eur", "Write the amount in USD or in UAH."),
        ("19.99", "That is too little: give at least 20 USD."),
        ("10000.01", "That is too much: give at most 10000 USD."),
        ("100.0010", "Too many decimals: an amount of USD has at most 2."),
        ("500000 uah", "That is too much: give at most 10000 USD."),
    ],
)
def test_an_amount_that_will_not_do_says_why_and_another_may_follow(chat, market, typed, answer):
    assert to_the_quote(chat, typed) == answer
    assert chat.state == "exchange.amount"
    assert "You give 100.00 USD" in chat.say("100")


def test_more_than_a_day_allows_is_told_with_what_is_left(chat, market, world):
    change_web(world, client_daily_limits={"USD": "150"})
    to_the_quote(chat)
    chat.press("Confirm")
    to_the_quote(chat)
    assert "Today you can still order for 50.00 USD" in chat.press("Confirm")
    assert (len(orders(world)), chat.state) == (1, "exchange.quote")


def test_who_has_not_verified_the_e_mail_address_is_told_so(market, world):
    UserFactory(profile__telegram_user_id=CHAT, email_verified=False)
    chat = Chat()
    to_the_quote(chat)
    assert "verify your e-mail address first" in chat.press("Confirm")
    assert orders(world) == []


def test_a_rate_that_grows_too_old_on_the_way_is_told(chat, market, world):
    to_the_amount(chat)
    old = timezone.now() - timedelta(days=2)
    world.superuser("web").execute("UPDATE exchange_rates SET valid_from = %s, confirmed_at = %s", (old, old))
    assert "The rate is too old to exchange at." in chat.say("100")
    assert (orders(world), chat.state) == ([], "exchange.amount")


def test_maintenance_of_web_is_told_at_the_amount_and_the_dialogue_waits(chat, market, world):
    to_the_amount(chat)
    change_web(world, maintenance_mode=True)
    assert "closed for some work" in chat.say("100")
    change_web(world)
    assert "You give 100.00 USD" in chat.say("100")


def test_before_anything_is_on_offer_it_says_so(chat, world):
    assert chat.say("/exchange") == "Nothing can be exchanged at the moment. Please try again later."
    assert chat.state == "idle"


def test_pairs_without_a_rate_are_not_offered(chat, world):
    open_market()
    chat.say("/exchange")
    assert chat.labels == ["USD", "UAH"]
    ExchangeRateFactory(from_currency="BTC", rate=Decimal(2_700_000))
    chat.say("/exchange")
    assert chat.labels == ["USD", "UAH", "BTC"]


def test_a_stranger_is_asked_to_link_first(market, world):
    chat = Chat()
    assert "link your account first" in chat.say("/exchange")
    assert chat.state == "idle"


@pytest.mark.parametrize("at", ["amount", "quote", "method"])
def test_who_unlinks_on_the_way_is_told_and_the_dialogue_ends(chat, market, world, at):
    to_the_amount(chat)
    if at != "amount":
        chat.say("100")
    if at == "method":
        chat.press("Confirm")
    before = orders(world)
    telegram_account_unlink(telegram_user_id=CHAT)
    answer = chat.say("100") if at == "amount" else chat.press(chat.labels[0])
    assert "not linked to this chat any more, so I have stopped" in answer
    assert (orders(world), payments(world), chat.state) == (before, [], "idle")


# --- Time


def test_after_its_time_a_quote_is_not_ordered_but_shown_anew(chat, market, world):
    to_the_quote(chat)
    row = Conversation.objects.get()
    row.context["dialogue"]["data"]["until"] = (timezone.now() - timedelta(seconds=1)).isoformat()
    Conversation.objects.update(context=row.context)
    first = standing().data["quote"]
    answer = chat.press("Confirm")
    assert "The time to confirm is over." in answer
    assert "You give 100.00 USD" in answer
    assert (orders(world), chat.state) == ([], "exchange.quote")
    assert standing().data["quote"] != first
    chat.press("Confirm")
    assert len(orders(world)) == 1


def test_a_quote_that_web_calls_expired_is_shown_anew(chat, market, world):
    to_the_quote(chat, "5000 uah")
    world.superuser("web").execute(
        "UPDATE quotes SET created_at = created_at - interval '1 hour', expires_at = expires_at - interval '1 hour'"
    )
    assert "You get 5000.00 UAH" in chat.press("Confirm")
    assert orders(world) == []


def test_the_time_to_confirm_is_the_configurations_where_that_is_shorter(chat, market, as_context):
    with as_context("admin"):
        configuration_publish(version=1, document={"quote_timeout_seconds": 60})
    forget_recent()
    to_the_quote(chat)
    row = Conversation.objects.get()
    until = row.context["dialogue"]["data"]["until"]
    assert timezone.now() < datetime.fromisoformat(until) <= timezone.now() + timedelta(seconds=60)


# --- Web that is away, and updates that are handled again


def test_while_web_is_away_it_is_said_and_every_step_can_be_tried_again(chat, market, world, settings, web):
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"

        def tried(attempt):
            settings.WEB_INTERNAL_URL = away
            assert attempt() == AWAY
            settings.WEB_INTERNAL_URL = web.url
            return attempt()

        tried(lambda: chat.say("/exchange"))
        tried(lambda: chat.press("USD"))
        tried(lambda: chat.press("UAH"))
        tried(lambda: chat.say("100"))
        assert "is placed" in tried(lambda: chat.press("Confirm"))
        assert "Send 100.00 USD" in tried(lambda: chat.press("By bank transfer"))
    assert (len(orders(world)), payments(world)) == (1, [("bank_transfer", "pending")])


def test_an_order_and_a_payment_whose_answers_were_lost_are_there_once(chat, market, world, proxy):
    to_the_quote(chat)
    proxy.faults.extend([answer_lost, broken])
    assert chat.press("Confirm") == AWAY
    assert len(orders(world)) == 1
    assert "is placed" in chat.press("Confirm")
    proxy.faults.extend([answer_lost, broken])
    assert chat.press("By bank transfer") == AWAY
    assert "Send 100.00 USD" in chat.press("By bank transfer")
    assert (len(orders(world)), len(payments(world))) == (1, 1)


@pytest.mark.parametrize("label", ["Confirm", "By bank transfer"])
def test_an_update_whose_transaction_fails_after_web_has_answered_orders_and_pays_once(
    chat, market, world, monkeypatch, label
):
    to_the_quote(chat)
    if label != "Confirm":
        chat.press("Confirm")
    store(chat.pressed(label))
    queue = update_handling._queue

    def fail(*arguments):
        raise RuntimeError("the process dies")

    monkeypatch.setattr(update_handling, "_queue", fail)
    handle()
    assert BotUpdate.objects.filter(handled_at=None, attempts=1).count() == 1
    assert (len(orders(world)), len(payments(world))) == ((1, 0) if label == "Confirm" else (1, 1))
    monkeypatch.setattr(update_handling, "_queue", queue)
    BotUpdate.objects.update(next_attempt_at=timezone.now())
    assert handle() == 1
    assert (len(orders(world)), len(payments(world))) == ((1, 0) if label == "Confirm" else (1, 1))
    assert chat.state == ("payment.method" if label == "Confirm" else "idle")


def test_two_presses_of_confirm_order_once(chat, market, world):
    to_the_quote(chat)
    store(chat.pressed("Confirm"), chat.pressed("Confirm"))
    assert handle() == 2
    assert len(orders(world)) == 1
