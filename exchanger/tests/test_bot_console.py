"""A newcomer talks to the bot in a terminal, through the bot's own processes and over HTTP."""

import os
import subprocess
import sys

import psycopg
import pytest

from bot.models import BotUpdate
from bot.runner.standby import POLLING_LOCK
from exchanger.local.paths import CHECKOUT


@pytest.fixture
def console(world):
    def run(said, *arguments):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [sys.executable, "manage.py", "bot_console", *arguments],
            cwd=CHECKOUT,
            env={**kept, "EXCHANGER_LOCAL_DIR": str(world.paths.root), "PYTHONDONTWRITEBYTECODE": "1"},
            input=said,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_what_is_typed_is_answered_and_a_number_presses_a_button(console, as_context):
    talked = console("/start\n/language\nwhat?\n2\n\n/cancel\n")
    assert talked.returncode == 0, talked.stderr
    lines = [line.replace("you > ", "").strip() for line in talked.stdout.splitlines()]
    assert "bot > Hello! I show exchange rates: /rates. Everything else that I can do: /help" in lines
    choice = lines.index("bot > Which language shall I speak?")
    assert lines[choice + 1 : choice + 4] == ["[1] English", "[2] Українська", "[3] Русский"]
    assert "bot > Please press one of the languages." in lines
    assert "bot > Відтепер я говорю українською." in lines
    assert "bot > Скасовувати нічого." in lines
    with as_context("telegram"):
        assert BotUpdate.objects.filter(handled_at__isnull=False).count() == 5


def test_a_second_session_goes_on_where_the_first_ended(console):
    console("/language\n")
    talked = console("hello\n", "--language", "ru")
    assert "Нажмите, пожалуйста, один из языков." in talked.stdout


def test_beside_a_bot_that_talks_to_telegram_it_does_not_start(console, world, as_context):
    with psycopg.connect(world.superuser("bot").info.dsn, password=password(world)) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [POLLING_LOCK])
        talked = console("/start\n")
    assert talked.returncode == 1
    assert "talk to it there" in talked.stderr
    with as_context("telegram"):
        assert not BotUpdate.objects.exists()


def password(world):
    return world.superuser("bot").info.password
