"""docs/conversation.md is what people and the bot say to each other, word for word: it is had anew, and compared."""

import json
import re
from decimal import Decimal

import pytest
from django.utils import timezone

from bot.services.rate_alerts import alerts_check
from bot.tests.sending import sender
from bot.tests.talking import BotRun, Talker, settled
from bot.texts import order_number
from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.sandbox.telegram.server import serving
from exchanger.testing.waiting import until
from exchanger.tests.chat import open_market
from identity.services.telegram_links import link_code_create
from identity.tests.factories import UserFactory
from web.models import Payment
from web.services.payments import payment_settle

pytestmark = pytest.mark.context("telegram")

PAGE = CHECKOUT / "docs" / "conversation.md"
INTRODUCTION = """# A conversation with the bot

`exchanger/tests/test_conversation.py` has it with the bot's own process, a web process and the local Telegram, and
compares it with this page word for word. Codes, numbers and times are of each run, and written here as `CODE`,
`1A2B3C4D` and `2026-11-23 18:05`. What stands in brackets is a button.
"""
# What is another in each run, and what the page has in its place.
OF_A_RUN = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-11-23 18:05:00"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(?!:)", "2026-11-23 18:05"),
    (r"\bEX(-[0-9A-Z]{4}){3}\b", "EX-CODE"),
)


class Transcript:
    """Somebody talks to the bot, and everything is written down."""

    def __init__(self, telegram, chat_id, title, *, language):
        self.talker = Talker(telegram, chat_id, language=language)
        self.lines = [f"## {title}", "", "```text"]
        self._heard = 0

    def say(self, text, shown=None):
        self._write("you > ", shown or text)
        self.talker.server.say(self.talker.person, text)
        self._hear()

    def press(self, label):
        self._write("you > ", f"[{label}]")
        number, carried = self.talker.keyboard()
        self.talker.server.press(self.talker.person, number, carried[label])
        self._hear()

    def note(self, what):
        """Something happens elsewhere."""
        self.lines += [f"      ({what})", ""]

    def text(self):
        return "\n".join([*self.lines[:-1], "```", ""])

    def notified(self):
        """A notification comes."""
        with sender(self.talker.server):
            self._hear()

    def _hear(self):
        """Everything that is answered, in order."""
        self.talker.server.wait(lambda: len(self.talker.calls) > self._heard)
        until(settled)
        new = self.talker.calls[self._heard :]
        self._heard += len(new)
        for call in new:
            self._write("bot > ", call.text)
            markup = json.loads(call.parameters.get("reply_markup", "{}"))
            rows = markup.get("inline_keyboard", [])
            for row in rows:
                self._write("      ", " ".join(f"[{button['text']}]" for button in row))
        self.lines.append("")

    def _write(self, who, text):
        for pattern, instead in OF_A_RUN:
            text = re.sub(pattern, instead, text)
        first, *rest = text.split("\n")
        self.lines += [f"{who}{first}".rstrip(), *(f"      {line}".rstrip() for line in rest)]


@pytest.fixture
def telegram():
    with serving() as server:
        yield server


@pytest.fixture
def code_for(as_context):
    def make(user):
        with as_context("web"):
            return link_code_create(user_id=user.pk).code

    return make


@pytest.fixture
def settle(as_context):
    """The money of the one payment that waits has come."""

    def settle():
        with as_context("web"):
            payment = Payment.objects.get(status="pending")
            payment_settle(payment_id=payment.pk, amount=payment.amount, received_at=timezone.now())

    return settle


@pytest.fixture
def move_rate(world):
    def move(rate):
        world.superuser("web").execute("UPDATE exchange_rates SET rate = %s", (rate,))

    return move


@pytest.fixture
def bot(world, telegram, processes, settings):
    settings.WEB_INTERNAL_URL = processes[Context.WEB].url
    bot = BotRun(world, telegram, "conversation", WEB_INTERNAL_URL=settings.WEB_INTERNAL_URL)
    yield bot
    bot.stop()


def english(telegram, code, settle, move_rate):
    anna = Transcript(telegram, 7001, "In English", language="en")
    anna.say("/start")
    anna.say("/rates")
    anna.say("/exchange")
    anna.say("/link")
    anna.say(code, shown="CODE")
    anna.press("Confirm")
    anna.say("/exchange")
    anna.press("USD")
    anna.press("UAH")
    anna.say("10 usd")
    anna.say("5000 uah")
    anna.press("Another amount")
    anna.say("1 000,50")
    anna.press("Confirm")
    anna.press("By bank transfer")
    anna.say("/status")
    settle()
    anna.note("the money comes")
    anna.say("/status")
    anna.say("/orders")
    anna.say("/alert usd uah 41.5")
    anna.say("/alerts")
    assert alerts_check() == 0
    move_rate(Decimal("41.80"))
    assert alerts_check() == 1
    anna.note("the rate moves")
    anna.notified()
    anna.say("/cancel")
    anna.say("/unlink")
    anna.press("Unlink")
    return anna.text()


def ukrainian(telegram, code, settle):
    borys = Transcript(telegram, 7002, "The key steps in Ukrainian", language="uk")
    borys.say(f"/start {code}", shown="/start CODE")
    borys.press("Підтвердити")
    borys.say("/rates usd uah")
    borys.say("/exchange")
    borys.press("USD")
    borys.press("UAH")
    borys.say("100 usd")
    borys.press("Підтвердити")
    borys.press("Банківським переказом")
    settle()
    borys.note("гроші надійшли")
    borys.say("/status")
    return borys.text()


def test_the_page_is_what_is_said(world, telegram, bot, code_for, settle, move_rate, tmp_path):
    open_market()
    anna = UserFactory(email="anna@example.com")
    borys = UserFactory(email="borys@example.com", profile__language="uk", profile__time_zone="Europe/Kyiv")
    had = (
        "\n".join(
            [
                INTRODUCTION,
                english(telegram, code_for(anna), settle, move_rate),
                ukrainian(telegram, code_for(borys), settle),
            ]
        ).rstrip()
        + "\n"
    )
    for (order_id,) in world.superuser("web").execute("SELECT id FROM orders").fetchall():
        had = had.replace(order_number(order_id), "1A2B3C4D")
    fresh = tmp_path / PAGE.name
    fresh.write_text(had)
    assert PAGE.read_text() == had, f"The bot says something else now: read {fresh}, and put it in the place of {PAGE}"
    assert world.superuser("web").execute("SELECT sum(amount) FROM orders WHERE status = 'paid'").fetchone() == (
        Decimal("1100.50"),
    )
