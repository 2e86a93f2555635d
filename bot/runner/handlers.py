"""Handles updates, several chats at a time, as soon as somebody says that there are any."""

import asyncio
import logging
from collections.abc import Callable

from django.db import Error

from bot.runner.slots import Slot, pause
from bot.services.update_handling import update_handle_next

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # what waits for its next attempt is not announced
RETRY_SECONDS = 1.0


class Handlers:
    """``count`` threads that handle updates; ``handled`` is called after each, when it is committed."""

    def __init__(self, count: int, handled: Callable[[], None]) -> None:
        self._slots = [Slot(f"handler-{number}") for number in range(count)]
        self._idle = list(self._slots)
        self._handled = handled
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    def stop(self) -> None:
        """End what is under way, and return from ``run``."""
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Handle updates until ``stop``."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._stopping.is_set():
                    self._news.clear()
                    if self._idle:
                        tasks.create_task(self._drain(self._idle.pop()))
                    await pause(self._news, LOOK_SECONDS)
        finally:
            for slot in self._slots:
                slot.close()

    async def _drain(self, slot: Slot) -> None:
        """Handle one after another until there is none; each that is found may mean more, for another thread."""
        try:
            while not self._stopping.is_set() and await slot.do(update_handle_next):
                self._handled()
                self.wake()
        except Error as error:
            logger.warning("No update could be handled (%s): tried again", type(error).__name__)
            await pause(self._stopping, RETRY_SECONDS)
        finally:
            self._idle.append(slot)
