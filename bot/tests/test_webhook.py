"""Telegram's calls: the secret, junk, and how little an update costs."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext

from bot.api.webhook import MOST_BYTES
from bot.models import BotUpdate
from bot.tests.updates import message
from exchanger.environment import WrongEnvironment
from exchanger.sandbox.telegram.server import serving

pytestmark = pytest.mark.context("telegram")
ADDRESS = "/telegram/webhook"
SECRET = "s3cret-of-the-webhook"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


@pytest.fixture(autouse=True)
def secret(settings):
    settings.TELEGRAM_WEBHOOK_SECRET = SECRET


def bring(client, body, headers=HEADERS):
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(ADDRESS, content, content_type="application/json", headers=headers)


def test_an_update_is_stored_by_one_statement_and_by_nothing_else(client, world):
    with (
        CaptureQueriesContext(connections["bot"]) as bot,
        CaptureQueriesContext(connections["identity"]) as identity,
    ):
        answer = bring(client, message("/start", update_id=7))
    assert (answer.status_code, answer.json()) == (200, {})
    assert (len(bot), len(identity)) == (1, 0)
    assert BotUpdate.objects.get().handled_at is None
    assert answer.cookies == {}
    with world.redis() as redis:
        assert redis.keys("*") == []


def test_brought_again_it_is_accepted_and_changes_nothing(client):
    for _ in range(2):
        assert bring(client, message("/start", update_id=7)).status_code == 200
    assert BotUpdate.objects.count() == 1


@pytest.mark.parametrize(
    "headers", [{}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}, {"X-Telegram-Bot-Api-Secret-Token": ""}]
)
def test_without_the_secret_it_is_refused_and_not_read(client, headers):
    answer = bring(client, message("/start"), headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_secret")
    assert set(answer.json()) == {"code", "message", "details"}
    assert not BotUpdate.objects.exists()


def test_without_a_secret_of_ours_there_is_no_such_address(client, settings):
    settings.TELEGRAM_WEBHOOK_SECRET = ""
    for headers in ({}, HEADERS, {"X-Telegram-Bot-Api-Secret-Token": ""}):
        assert bring(client, message("/start"), headers).status_code == 404
    assert not BotUpdate.objects.exists()


def test_it_is_only_posted_to(client):
    answer = client.get(ADDRESS, headers=HEADERS)
    assert (answer.status_code, answer.headers["Allow"], answer.json()["code"]) == (405, "POST", "method_not_allowed")


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'{"update_id": 1}',
        b'{"message": {"chat": {"id": 7}}}',
        b'{"update_id": 1e400, "message": {"chat": {"id": 7}}}',
        b'{"update_id": NaN, "message": {"chat": {"id": 7}}}',
        b'{"update_id": 99999999999999999999, "message": {"chat": {"id": 7}}}',
        b'{"update_id": 1, "message": {"chat": {"id": 7}, "text": "\\ud800"}}',
        b"[" * 100_000,
        b'{"update_id": 1, "message": {"chat": {"id": 7}, "text": "' + b"x" * MOST_BYTES + b'"}}',
    ],
    ids=lambda junk: junk[:40].decode("latin-1"),
)
def test_junk_is_accepted_and_dropped_with_a_line_in_the_log(client, junk, caplog):
    answer = bring(client, junk)
    assert (answer.status_code, answer.json()) == (200, {})
    assert not BotUpdate.objects.exists()
    assert "was dropped" in caplog.text


def test_what_postgresql_cannot_keep_is_kept_without_it(client):
    assert bring(client, b'{"update_id": 1, "message": {"chat": {"id": 7}, "text": "a\\u0000b"}}').status_code == 200
    assert BotUpdate.objects.get().body["message"]["text"] == "ab"


# --- Telling Telegram


@pytest.fixture
def telegram(settings):
    with serving() as server:
        settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_API_URL = server.token, server.url
        yield server


def test_telegram_is_told_where_to_bring_updates_with_the_secret_one_at_a_time(telegram, capsys):
    call_command("set_webhook", "https://bot.example.com/")
    (told,) = [call.parameters for call in telegram.calls if call.method == "setWebhook"]
    assert told["url"] == "https://bot.example.com/telegram/webhook"
    assert told["secret_token"] == SECRET
    assert int(told["max_connections"]) == 1
    assert "callback_query" in told["allowed_updates"]
    assert len(telegram.api.commands) == 3
    assert "--handlers-only" in capsys.readouterr().out


def test_and_not_to_any_more(telegram, capsys):
    call_command("set_webhook", "https://bot.example.com")
    call_command("set_webhook", "--delete")
    assert telegram.api.updates.webhook == {"url": ""}
    assert "manage.py runbot" in capsys.readouterr().out


def test_what_cannot_be_done_is_said_in_a_line_and_nothing_is_changed(telegram, settings):
    with pytest.raises(CommandError, match=r"(?i)https"):
        call_command("set_webhook", "http://bot.example.com")
    with pytest.raises(CommandError, match="--delete"):
        call_command("set_webhook")
    with pytest.raises(CommandError, match="--delete"):
        call_command("set_webhook", "https://bot.example.com", "--delete")
    settings.TELEGRAM_WEBHOOK_SECRET = ""
    with pytest.raises(WrongEnvironment, match="TELEGRAM_WEBHOOK_SECRET"):
        call_command("set_webhook", "https://bot.example.com")
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_WEBHOOK_SECRET = "10001:wrong", SECRET
    with pytest.raises(WrongEnvironment, match="TELEGRAM_BOT_TOKEN"):
        call_command("set_webhook", "https://bot.example.com")
    assert telegram.api.updates.webhook == {"url": ""}
