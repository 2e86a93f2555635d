import sys
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanger.demo.accounts import ACCOUNTS
from exchanger.kernel.contexts import ALIASES, SPECS, Context, current_or_none
from exchanger.kernel.health import unapplied_migrations
from exchanger.local.paths import CHECKOUT, checkout_paths
from exchanger.local.servers import LocalServers
from exchanger.local.supervisor import PortTaken, Supervisor, has_bot_token

NO_BOT = (
    "  Talk to the bot in a terminal of your own: .venv/bin/python manage.py bot_console",
    "  In Telegram it says nothing yet: send /newbot to @BotFather there,",
    "  and run TELEGRAM_BOT_TOKEN=what-you-are-given make up",
)


class Command(BaseCommand):
    help = "Run the whole platform on this machine: servers, migrations, demo data, applications, workers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port",
            type=int,
            default=SPECS[Context.WEB].port,
            help="Port of the web application; the operators' panel and the bot follow it.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        servers = LocalServers(checkout_paths())
        if not servers.environments.read("bootstrap") or current_or_none() is not None:
            raise CommandError("make up runs the local platform; unset EXCHANGER_CONTEXT and the *_URL variables.")
        supervisor = Supervisor(servers, options["port"])
        if ended := supervisor.end_leftovers():
            self._say(f"Ended {ended} processes that an earlier run had left.")
        try:
            supervisor.check_ports()
        except PortTaken as error:
            raise CommandError(str(error)) from error
        self._prepare(servers)
        self._say("Starting the applications and their workers …")
        sys.exit(supervisor.run(lambda: self._announce(supervisor)))

    def _prepare(self, servers: LocalServers) -> None:
        if any(unapplied_migrations(alias) for alias in ALIASES):
            self._say("Migrating the four databases …")
        call_command("migrate", verbosity=0, stdout=StringIO())
        self._say("Filling in the demo data …")
        call_command("seed_demo", verbosity=0)
        if _static_is_old(servers):
            self._say("Collecting static files (first time only) …")
            call_command("collectstatic", verbosity=0, interactive=False)

    def _announce(self, supervisor: Supervisor) -> None:
        web, admin, bot = (f"http://127.0.0.1:{supervisor.port(context)}" for context in Context)
        lines = [
            "",
            "The platform is running. Ctrl-C stops it; the data stays in .local/.",
            "",
            f"  Web API          {web}/api/docs/",
            f"  Operators' panel {admin}/admin/",
            f"  Bot API          {bot}/api/docs/",
            "",
            *([] if has_bot_token() else [*NO_BOT, ""]),
            "  Demo logins (here operators need no second factor; the panel's account menu sets one up):",
            *(f"    {account.email:<28} {account.password:<22} {account.what}" for account in ACCOUNTS),
            "",
        ]
        self._say("\n".join(lines))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _static_is_old(servers: LocalServers) -> bool:
    manifest = servers.paths.static / "staticfiles.json"
    requirements = CHECKOUT / "requirements.txt"
    return not manifest.exists() or manifest.stat().st_mtime < requirements.stat().st_mtime
