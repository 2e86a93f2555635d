import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bot.api.webhook import PATH
from bot.incoming import KINDS
from bot.runner.poller import tell_commands
from bot.telegram.client import Telegram
from bot.telegram.failures import TelegramFailure, WrongToken, translated
from exchanger.environment import WrongEnvironment
from exchanger.kernel.contexts import Context, require


class Command(BaseCommand):
    help = "Have Telegram bring updates to the telegram application, or to nobody any more, so that runbot may poll."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", nargs="?", default="", help="https:// and the host; the path is the bot's own.")
        parser.add_argument("--delete", action="store_true", help="Bring updates to nobody: they wait to be polled.")

    def handle(self, *args: Any, **options: Any) -> None:
        require(Context.TELEGRAM)
        if bool(options["address"]) == options["delete"]:
            raise CommandError("Name the address, such as https://bot.example.com, or --delete.")
        if not options["delete"] and not settings.TELEGRAM_WEBHOOK_SECRET:
            raise WrongEnvironment("TELEGRAM_WEBHOOK_SECRET is not set: without it nobody could tell who calls")
        try:
            asyncio.run(self._set(options["address"].rstrip("/")))
        except WrongToken as failure:
            raise WrongEnvironment(str(failure)) from failure
        except TelegramFailure as failure:
            raise CommandError(str(failure)) from failure

    async def _set(self, address: str) -> None:
        async with Telegram.from_settings(connections=1) as telegram:
            if not address:
                with translated():
                    await telegram.bot.delete_webhook()
                self.stdout.write("Updates wait to be polled: run manage.py runbot.")
                return
            with translated():
                await telegram.bot.set_webhook(
                    f"{address}/{PATH}",
                    secret_token=settings.TELEGRAM_WEBHOOK_SECRET,
                    allowed_updates=KINDS,
                    max_connections=1,  # one after another, so that they come in order
                )
            await tell_commands(telegram)
            self.stdout.write(f"Updates come to {address}/{PATH}: run manage.py runbot --handlers-only.")
