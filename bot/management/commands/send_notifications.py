import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bot.sender.loop import CONCURRENT, Sender
from bot.telegram.client import Telegram
from bot.telegram.failures import TelegramFailure, WrongToken
from exchanger.environment import WrongEnvironment
from exchanger.kernel.contexts import Context, current_or_none


class Command(BaseCommand):
    help = "Send notifications to Telegram until it is told to stop; any number of senders share the work and the pace."

    def handle(self, *args: Any, **options: Any) -> None:
        if current_or_none() is not Context.TELEGRAM:
            raise CommandError("Notifications are the bot's to send: set EXCHANGER_CONTEXT to telegram.")
        try:
            asyncio.run(self._send())
        except WrongToken as failure:
            raise WrongEnvironment(str(failure)) from failure

    async def _send(self) -> None:
        async with Telegram.from_settings(connections=CONCURRENT) as telegram:
            try:
                self.stdout.write(f"sending notifications as @{await telegram.check_token()}")
            except WrongToken:
                raise
            except TelegramFailure as failure:
                self.stdout.write(f"sending notifications; Telegram does not answer yet: {failure}")
            sender = Sender(telegram)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, sender.stop)
            await sender.run()
