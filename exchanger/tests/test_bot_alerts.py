"""/alert and /alerts in a chat, over real HTTP to a real web, and how people are told once that a rate is there."""

import threading
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connections
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from bot.models import Notification, RateAlert
from bot.services.rate_alerts import MOST, alerts_check
from bot.tests.updates import CHAT
from exchanger.kernel.contexts import Context
from exchanger.schedule import register
from exchanger.tests.chat import Chat, open_market
from identity.services.telegram_links import telegram_account_unlink
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("telegram")


@pytest.fixture(autouse=True)
def web(settings, processes):
    settings.WEB_INTERNAL_URL = processes[Context.WEB].url


@pytest.fixture
def market(world):
    """The rate is 41.2925 for who gives USD."""
    open_market()

    def move(rate):
        world.superuser("web").execute("UPDATE exchange_rates SET rate = %s", (rate,))

    return move


@pytest.fixture
def anna(world):
    return UserFactory(profile__telegram_user_id=CHAT)


@pytest.fixture
def chat(anna):
    return Chat()


def alerts():
    return list(RateAlert.objects.order_by("rate").values_list("from_currency", "to_currency", "rate", "above"))


def told():
    return list(Notification.objects.order_by("created_at", "id").values_list("telegram_user_id", "message"))


@pytest.mark.parametrize("typed", ["usd uah 41.5", "USD/UAH 41,50", "usd_uah 41.5", "Usd Uah  41.500"])
def test_an_alert_above_the_present_rate_is_told_once_when_the_rate_is_there(chat, market, typed):
    assert chat.say(f"/alert {typed}") == (
        "Now 1 USD = 41.2925 UAH. I shall tell you once when it is 41.5 or more. Your alerts: /alerts"
    )
    assert alerts() == [("USD", "UAH", Decimal("41.5"), True)]
    assert (alerts_check(), told()) == (0, [])
    market(Decimal("41.80"))
    assert alerts_check() == 1
    text = "1 USD = 41.591 UAH now. You wanted to know when it is 41.5 or more. To exchange: /exchange"
    assert told() == [(CHAT, text)]
    assert (alerts_check(), len(told()), alerts()) == (0, 1, [])


@pytest.mark.parametrize(("language", "words"), [("uk", "або менше"), ("ru", "или меньше")])
def test_one_below_it_too_in_the_persons_language(market, world, language, words):
    UserFactory(profile__telegram_user_id=CHAT, profile__language=language)
    assert words in Chat().say("/alert usd uah 41")
    market(Decimal("41.00"))
    assert alerts_check() == 1
    assert words in told()[0][1]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("", "Write two currencies and a rate"),
        ("usd uah", "Write two currencies and a rate"),
        ("usd usd 1", "Write two currencies and a rate"),
        ("usd uah much", "Write two currencies and a rate"),
        ("usd uah 0", "Write two currencies and a rate"),
        ("usd uah -41", "Write two currencies and a rate"),
        ("usd uah 41.123456789", "Write two currencies and a rate"),
        ("usd gbp 0.8", "We do not exchange these currencies."),
        ("btc uah 3000000", "There is no rate for these currencies"),
        ("usd uah 41.2925", "This is the rate now."),
    ],
)
def test_what_will_not_do_says_why_and_sets_nothing(chat, market, typed, answer):
    assert answer in chat.say(f"/alert {typed}")
    assert alerts() == []


def test_there_are_so_many_and_no_more(chat, market):
    for number in range(MOST):
        chat.say(f"/alert usd uah {50 + number}")
    assert "Delete one first" in chat.say("/alert usd uah 99")
    assert len(alerts()) == MOST


def test_alerts_are_listed_and_deleted_by_their_buttons(chat, market):
    assert "You have no alerts" in chat.say("/alerts")
    chat.say("/alert usd uah 50")
    chat.say("/alert usd uah 40.5")
    assert "1 USD ≥ 50 UAH\n1 USD ≤ 40.5 UAH" in chat.say("/alerts")
    assert chat.labels == ["✕ 1 USD ≥ 50 UAH", "✕ 1 USD ≤ 40.5 UAH"]
    assert chat.press("✕ 1 USD ≥ 50 UAH").startswith("Deleted.\n--\n")
    assert chat.labels == ["✕ 1 USD ≤ 40.5 UAH"]
    assert "You have no alerts" in chat.press("✕ 1 USD ≤ 40.5 UAH")
    assert (alerts(), chat.state) == ([], "idle")


def test_an_alert_is_its_owners_alone(chat, market):
    boris = UserFactory(profile__telegram_user_id=CHAT + 1)
    other = Chat(CHAT + 1)
    other.say("/alert usd uah 50")
    assert "You have no alerts" in chat.say("/alerts")
    assert RateAlert.objects.get().user_id == boris.pk


def test_strangers_are_asked_to_link_first(market, world):
    for command in ("/alert usd uah 50", "/alerts"):
        assert "link your account first" in Chat().say(command)
    assert alerts() == []


def test_who_has_unlinked_is_told_nothing(chat, market):
    chat.say("/alert usd uah 41.5")
    telegram_account_unlink(telegram_user_id=CHAT)
    market(Decimal("43.00"))
    assert (alerts_check(), told(), alerts()) == (0, [], [])


def test_web_that_is_away_is_asked_again_at_the_next_look(chat, market, settings):
    chat.say("/alert usd uah 41.5")
    market(Decimal("43.00"))
    there, settings.WEB_INTERNAL_URL = settings.WEB_INTERNAL_URL, "http://127.0.0.1:1"
    assert (alerts_check(), told(), len(alerts())) == (0, [], 1)
    settings.WEB_INTERNAL_URL = there
    assert alerts_check() == 1


def test_several_workers_at_once_tell_each_alert_once(chat, market):
    for number in range(MOST):
        chat.say(f"/alert usd uah {42 + number}")
    market(Decimal("60.00"))
    start, found = threading.Barrier(4), []

    def check():
        start.wait()
        found.append(alerts_check())
        connections.close_all()

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(found), len(told()), alerts()) == (MOST, MOST, [])


def test_where_the_notification_cannot_be_made_the_alert_stays_for_the_next_look(chat, market, world):
    chat.say("/alert usd uah 41.5")
    market(Decimal("43.00"))
    bot = world.superuser("bot")
    bot.execute("REVOKE INSERT ON notifications FROM exchanger_telegram")
    try:
        with pytest.raises(ProgrammingError):
            alerts_check()
    finally:
        bot.execute("GRANT INSERT ON notifications TO exchanger_telegram")
    assert (told(), len(alerts())) == ([], 1)
    assert (alerts_check(), len(told()), alerts()) == (1, 1, [])


def test_the_telegram_workers_look_each_minute(chat, market):
    chat.say("/alert usd uah 41.5")
    market(Decimal("43.00"))
    app = App(connector=InMemoryConnector())
    register(app)
    assert app.periodic_registry.periodic_tasks["alerts.check", ""].cron == "* * * * *"
    app.tasks["alerts.check"].func(0)
    assert len(told()) == 1


def test_a_look_costs_few_statements_however_many_alerts_there_are(chat, market, django_assert_num_queries):
    for number in range(MOST):
        chat.say(f"/alert usd uah {42 + number}")
    market(Decimal("60.00"))
    with (
        django_assert_num_queries(5, connection=connections["bot"]),  # BEGIN and COMMIT among them
        django_assert_num_queries(1, connection=connections["identity"]),
    ):
        assert alerts_check() == MOST
