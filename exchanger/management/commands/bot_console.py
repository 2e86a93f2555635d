import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from bot.runner.standby import POLLING_LOCK
from exchanger.kernel.contexts import SPECS, Context, current_or_none
from exchanger.kernel.health import unapplied_migrations
from exchanger.local.console import Console
from exchanger.local.paths import CHECKOUT, checkout_paths
from exchanger.local.servers import LocalServers
from exchanger.sandbox.telegram.server import TelegramServer, serving

ALIAS = SPECS[Context.TELEGRAM].alias
PERSON = 7_000_000_001
STOP_SECONDS = 15
HOW = "Write to the bot, beginning with /start. A number presses the button of that number. Ctrl-D ends it."


class Command(BaseCommand):
    help = "Talk to the bot in this terminal, without a token: the bot itself, and a Telegram on this machine."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--language", choices=dict(settings.LANGUAGES), default="en", help="Your Telegram's.")
        parser.add_argument(
            "--port", type=int, default=SPECS[Context.WEB].port, help="Where make up serves the web application."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        servers = LocalServers(checkout_paths())
        if not servers.environments.read("bootstrap") or current_or_none() is not None:
            raise CommandError("It talks to the bot of the local run; unset EXCHANGER_CONTEXT and the *_URL variables.")
        if unapplied_migrations(ALIAS):
            raise CommandError("The bot's database is not there yet: run make up once before.")
        if _somebody_polls():
            raise CommandError("A bot is running already, with Telegram itself: talk to it there, or end it first.")
        # Above all the updates of earlier sessions, which the bot would take for brought again.
        with serving(first_update=time.time_ns() // 1000) as server, self._bot(servers, server, options["port"]):
            person = server.join(PERSON, first_name="You", language_code=options["language"])
            self._show(HOW)
            with suppress(KeyboardInterrupt):
                Console(server, person, self._show).talk(self._lines())

    @contextmanager
    def _bot(self, servers: LocalServers, server: TelegramServer, web_port: int) -> Iterator[None]:
        environment = {
            **servers.environments.inherited(),
            **servers.environments.for_process(Context.TELEGRAM),
            "TELEGRAM_BOT_TOKEN": server.token,
            "TELEGRAM_API_URL": server.url,
            "WEB_INTERNAL_URL": f"http://127.0.0.1:{web_port}",
        }
        with (servers.paths.logs / "bot-console.log").open("a") as log:
            bot = subprocess.Popen(
                [sys.executable, "manage.py", "runbot"], cwd=CHECKOUT, env=environment, stdout=log, stderr=log
            )
        try:
            yield
        finally:
            bot.terminate()
            bot.wait(STOP_SECONDS)

    def _lines(self) -> Iterator[str]:
        while True:
            self.stdout.write("you > ", ending="")
            self.stdout.flush()
            line = sys.stdin.readline()
            if not line:
                self._show("")
                return
            yield line

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _somebody_polls() -> bool:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT NOT CASE WHEN pg_try_advisory_lock(%s) THEN pg_advisory_unlock(%s) ELSE false END",
            [POLLING_LOCK, POLLING_LOCK],
        )
        return bool(cursor.fetchone()[0])
