"""One connection that stays open: it hears of new updates, and holds the lock of the one process that polls.

PostgreSQL releases the lock with the connection, however the process ends, and the next one takes over within a second.
Of a machine that vanishes it learns by asking whether it is still there.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import psycopg
from django.db import connections

from bot.runner.slots import pause
from bot.services.updates import ALIAS, CHANNEL

logger = logging.getLogger(__name__)

POLLING_LOCK = 0x626F74  # "bot"; advisory locks are numbers, and nothing else in this database takes this one
LOOK_SECONDS = 1.0
RETRY_SECONDS = 1.0
_KEEPALIVE = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")


class Standby:
    """``news`` is called when updates have come. ``lead`` runs while this process is the one that polls, if it is."""

    def __init__(self, news: Callable[[], None], lead: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        self._news = news
        self._lead = lead
        self._leading: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Stand by until ``stop``; raises what ``lead`` raises."""
        while not self._stopping.is_set():
            try:
                await self._stand()
            except psycopg.Error as error:
                logger.warning("No connection to hear of updates by (%s): made anew", type(error).__name__)
                await pause(self._stopping, RETRY_SECONDS)
            finally:
                await self._step_down()

    async def _stand(self) -> None:
        async with await psycopg.AsyncConnection.connect(**_parameters(), autocommit=True) as connection:
            for setting in _KEEPALIVE:
                await connection.execute(f"SET {setting}")
            await connection.execute(f"LISTEN {CHANNEL}")
            self._news()  # whatever came before
            while not self._stopping.is_set():
                if self._lead is not None and self._leading is None and await _locked(connection):
                    logger.info("This process asks Telegram for updates")
                    self._leading = asyncio.create_task(self._lead())
                async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                    self._news()
                if self._leading is not None and self._leading.done():
                    self._leading.result()

    async def _step_down(self) -> None:
        leading, self._leading = self._leading, None
        if leading is not None and not leading.done():
            leading.cancel()
            with suppress(asyncio.CancelledError):
                await leading


async def _locked(connection: psycopg.AsyncConnection[Any]) -> bool:
    answer = await connection.execute("SELECT pg_try_advisory_lock(%s)", [POLLING_LOCK])
    row = await answer.fetchone()
    return bool(row and row[0])


def _parameters() -> dict[str, Any]:
    """How Django connects, without what is Django's own."""
    parameters = connections[ALIAS].get_connection_params()
    return {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}
