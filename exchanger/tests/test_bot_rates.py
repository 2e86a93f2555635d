"""The bot's /rates: the web application's rates over real HTTP, each with its date and its end."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.tests.factories import ConversationFactory
from bot.tests.updates import CHAT, link, message, tell, texts
from exchanger.kernel.contexts import Context
from web.tests.factories import ExchangeRateFactory

pytestmark = pytest.mark.context("telegram")
SAID = datetime(2026, 11, 23, 16, 5, tzinfo=UTC)
AWAY = {"en": "cannot get the rates", "uk": "не можу отримати курси", "ru": "не могу получить курсы"}


@pytest.fixture(autouse=True)
def web(settings, processes):
    settings.WEB_INTERNAL_URL = processes[Context.WEB].url


def rate(source="USD", target="UAH", value="41.50", **values):
    return ExchangeRateFactory(
        from_currency=source, to_currency=target, rate=Decimal(value), valid_from=SAID, confirmed_at=SAID, **values
    )


def ask(text, **options):
    (answer,) = texts(tell(message(text, **options)))
    return answer


def test_all_rates_are_shown_with_when_they_were_said_and_the_first_end():
    first = datetime(2126, 11, 23, 18, 0, tzinfo=UTC)
    rate(valid_until=first + timedelta(days=1))
    rate("EUR", "UAH", "45.125", valid_until=first)
    assert ask("/rates") == (
        "Market rates, before our fee:\n1 EUR = 45.125 UAH\n1 USD = 41.5 UAH\n\n"
        "As of 2026-11-23 16:05 (UTC).\nValid until 2126-11-23 18:00 (UTC)."
    )


def test_times_are_those_of_the_persons_zone():
    link(ConversationFactory(telegram_user_id=CHAT), language="uk", time_zone="Europe/Kyiv")
    rate()
    answer = ask("/rates")
    assert "Станом на 2026-11-23 18:05 (Europe/Kyiv)." in answer
    assert "Дійсні до" not in answer


@pytest.mark.parametrize("typed", ["usd uah", "USD/UAH", "usd_uah", "Usd  Uah"])
def test_one_pair_is_asked_for_as_people_write_it(typed):
    rate()
    assert ask(f"/rates {typed}").startswith("1 USD = 41.5 UAH\n")


@pytest.mark.parametrize("typed", ["1 000,50 usd uah", "$1,000.50 uah", "1000.5 USD/UAH", "usd 1000.50 uah"])
def test_an_amount_is_shown_as_what_it_is_worth(typed):
    rate(value="41.50000001")
    assert ask(f"/rates {typed}").startswith("1000.50 USD ≈ 41520.75 UAH\n1 USD = 41.50000001 UAH")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("usd", "Write two currencies"),
        ("usd uah eur", "Write two currencies"),
        ("usd usd", "Write two currencies"),
        ("100 uah", "Write two currencies"),
        ("/", "Write two currencies"),
        ("usd ../../orders", "Write two currencies"),
        ("1,000 usd uah", "Write 1000 or 1.0000"),
        ("0 usd uah", "more than zero"),
        ("usd eur", "no rate for USD/EUR"),
    ],
)
def test_what_cannot_be_answered_says_what_to_write(typed, answer):
    rate()
    assert answer in ask(f"/rates {typed}")


def test_where_there_are_none_it_says_so():
    assert ask("/rates") == "There are no rates at the moment."


@pytest.fixture
def broken_web():
    """Somebody in web's place; what they answer with is put into the list."""
    answers = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("language", AWAY)
def test_while_web_is_away_the_bot_says_so(settings, language):
    settings.WEB_INTERNAL_URL = "http://127.0.0.1:1"
    for text in ("/rates", "/rates usd uah"):
        assert AWAY[language] in ask(text, language=language)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (503, b'{"code": "unavailable"}'),
        (301, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"results": [{}]}'),
        (200, b'{"from_currency": "usd", "to_currency": "uah", "rate": "x", "confirmed_at": "", "valid_until": null}'),
    ],
)
def test_whatever_web_answers_instead_of_rates_the_bot_says_so(settings, broken_web, answer):
    settings.WEB_INTERNAL_URL, answers = broken_web
    for text in ("/rates", "/rates usd uah"):
        answers.append(answer)
        assert AWAY["en"] in ask(text)


def test_without_an_address_of_web_it_says_so_too(settings):
    settings.WEB_INTERNAL_URL = ""
    assert AWAY["en"] in ask("/rates")
