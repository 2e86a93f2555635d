"""What a bot process does at once: hear of updates, handle them, reply, and poll where it is the one that does."""

import asyncio
import logging
from contextlib import suppress

from redis.exceptions import RedisError

from bot.cache import TelegramCache
from bot.languages import NAMES
from bot.runner.handlers import Handlers
from bot.runner.poller import Poller
from bot.runner.replier import Replier
from bot.runner.slots import Slot
from bot.runner.standby import Standby
from bot.telegram.client import Telegram
from bot.telegram.failures import WrongToken

logger = logging.getLogger(__name__)


class BotProcess:
    """Runs until it is told to ``stop``. ``polls`` is False beside a webhook."""

    def __init__(self, telegram: Telegram, *, handlers: int, polls: bool) -> None:
        self._database = Slot("poller")
        self._replier = Replier(telegram)
        self._handlers = Handlers(handlers, self._replier.wake)
        self._standby = Standby(self._handlers.wake, Poller(telegram, self._database).run if polls else None)

    def stop(self) -> None:
        """End what is under way, and return from ``run``; what is left waits for another process, or a later one."""
        for part in (self._standby, self._handlers, self._replier):
            part.stop()

    async def run(self) -> None:
        """Run until ``stop``.

        Raises:
            WrongToken: Telegram does not know the bot; nothing was lost.
        """
        await self._database.do(_forget_help)
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._standby, self._handlers, self._replier):
                    tasks.create_task(self._until_stopped(part))
        except* WrongToken as failures:
            raise failures.exceptions[0] from None
        finally:
            self._database.close()

    async def _until_stopped(self, part: Standby | Handlers | Replier) -> None:
        try:
            await part.run()
        except WrongToken:
            self.stop()
            raise


def _forget_help() -> None:
    with suppress(RedisError):
        TelegramCache().forget_help(list(NAMES))
