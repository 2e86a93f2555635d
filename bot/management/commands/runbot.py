import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from bot.runner.process import BotProcess
from bot.runner.replier import CONCURRENT
from bot.telegram.client import Telegram
from bot.telegram.failures import TelegramFailure, WrongToken
from exchanger.environment import WrongEnvironment
from exchanger.kernel.contexts import Context, require

HANDLERS = 4


class Command(BaseCommand):
    help = (
        "Talk to people in Telegram until it is told to stop. Any number of these share the work; "
        "one of them asks Telegram for updates, and another takes over when it ends."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--handlers-only", action="store_true", help="Ask Telegram for nothing: a webhook stores the updates."
        )
        parser.add_argument(
            "--handlers", type=int, default=HANDLERS, help=f"How many chats are handled at a time ({HANDLERS})."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        require(Context.TELEGRAM)
        try:
            asyncio.run(self._run(max(options["handlers"], 1), polls=not options["handlers_only"]))
        except WrongToken as failure:
            raise WrongEnvironment(str(failure)) from failure

    async def _run(self, handlers: int, *, polls: bool) -> None:
        async with Telegram.from_settings(connections=CONCURRENT) as telegram:
            try:
                self.stdout.write(f"talking as @{await telegram.check_token()}")
            except WrongToken:
                raise
            except TelegramFailure as failure:
                self.stdout.write(f"talking; Telegram does not answer yet: {failure}")
            process = BotProcess(telegram, handlers=handlers, polls=polls)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, process.stop)
            await process.run()
