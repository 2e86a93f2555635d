"""One sender: claim, wait for one's turn, send, record. Sends many at once, and records what has ended together.

What has been sent and is not recorded yet is never more than ``CONCURRENT`` messages: that is what a crash can repeat.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from django.conf import settings
from django.db import Error, close_old_connections, connections

from bot.configuration import recent_configuration
from bot.sender.admission import Admission, Limits
from bot.sender.retries import failed, outcome_of
from bot.services.notification_delivery import (
    LEASE_SECONDS,
    Claimed,
    End,
    Outcome,
    notifications_claim,
    notifications_record,
)
from bot.telegram.client import Telegram
from bot.telegram.failures import RetryLater, TelegramFailure, WrongToken
from bot.telegram.transport import CALL_SECONDS

logger = logging.getLogger(__name__)

T = TypeVar("T")
CONCURRENT = 30
MOST_CLAIMED = 200
CLAIMED_SECONDS = 2.0  # as many are claimed ahead as the pace lets through meanwhile
POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0
LONG_WAIT_SECONDS = 5.0  # nobody holds claims for longer than this without sending


class Sender:
    """Runs until it is told to ``stop``. All of it but its waiting is in one event loop."""

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram
        self._limits = Limits()
        self._most = min(MOST_CLAIMED, max(1, round(settings.TELEGRAM_MESSAGES_PER_SECOND * CLAIMED_SECONDS)))
        self._ready: deque[tuple[Claimed, float]] = deque()  # with the time until which it may be begun
        self._under_way = 0
        self._ended: asyncio.Queue[Outcome] = asyncio.Queue()
        self._freed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._wrong_token: WrongToken | None = None
        # One connection to PostgreSQL and one to Redis, each with a thread that may wait for it.
        self._database = ThreadPoolExecutor(1, "database")
        self._redis = ThreadPoolExecutor(1, "redis")

    def stop(self) -> None:
        """End what is under way, give back what is not, and return from ``run``."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until ``stop``.

        Raises:
            WrongToken: Telegram does not know the bot; nothing was lost.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                recorder = tasks.create_task(self._record())
                while not self._stopping.is_set():
                    await self._turn(tasks)
                self._give_back()
                while self._under_way:
                    await self._until_freed()
                recorder.cancel()
        finally:
            self._database.submit(connections.close_all)
            self._database.shutdown()
            self._redis.shutdown()
        if self._wrong_token is not None:
            raise self._wrong_token

    async def _turn(self, tasks: asyncio.TaskGroup) -> None:
        if len(self._ready) <= self._most // 2:
            await self._claim()
        self._set_aside()
        if not self._ready:
            await self._pause(POLL_SECONDS)
            return
        free = CONCURRENT - self._under_way
        if free <= 0:
            await self._until_freed()
            return
        wanted = [claimed for claimed, _ in list(self._ready)[:free]]
        await self._in(self._database, self._obey)
        admission = await self._in(self._redis, lambda: self._limits.admit([claimed.chat_id for claimed in wanted]))
        self._begin(tasks, admission)
        if not admission.chat_waits:
            if admission.wait > LONG_WAIT_SECONDS:
                self._give_back()
            await self._pause(admission.wait)

    def _obey(self) -> None:
        """Take the pace that operators want; while PostgreSQL does not answer, keep the last one."""
        with suppress(Error):
            self._limits.obey(recent_configuration().messages_per_second)

    async def _claim(self) -> None:
        begun = time.monotonic()
        try:
            claimed = await self._in(self._database, lambda: notifications_claim(limit=self._most - len(self._ready)))
        except Error as error:
            logger.warning("No notification could be claimed (%s): tried again", type(error).__name__)
            await self._pause(RETRY_SECONDS)
            return
        until = begun + LEASE_SECONDS - CALL_SECONDS
        self._ready.extend((each, until) for each in claimed)

    def _set_aside(self) -> None:
        """End those that cannot be sent, and those that could no longer be sent within their claim."""
        now = time.monotonic()
        for claimed, until in list(self._ready):
            if not claimed.obstacle and until > now:
                continue
            self._ready.remove((claimed, until))
            ended = End.DEAD if claimed.obstacle else End.PUT_OFF
            self._end(Outcome(claimed, ended, claimed.obstacle))

    def _begin(self, tasks: asyncio.TaskGroup, admission: Admission) -> None:
        first = time.monotonic() + admission.wait
        for number, chat_wait in enumerate(admission.chat_waits):
            claimed, _ = self._ready.popleft()
            if chat_wait > 0:
                self._end(Outcome(claimed, End.PUT_OFF, seconds=chat_wait))
            else:
                self._under_way += 1
                tasks.create_task(self._deliver(claimed, first + number * admission.step))

    async def _deliver(self, claimed: Claimed, at: float) -> None:
        await asyncio.sleep(max(at - time.monotonic(), 0))
        try:
            message_id = await self._telegram.send(chat_id=claimed.chat_id, text=claimed.text)
        except TelegramFailure as failure:
            await self._heed(failure)
            outcome = outcome_of(failure, claimed)
        except Exception:
            # One notification that nobody has foreseen must not keep all others from being sent.
            logger.exception("Notification %s could not be sent", claimed.id)
            outcome = failed(claimed, "The bot could not send it: see its log.")
        else:
            outcome = Outcome(claimed, End.SENT, message_id=message_id)
        self._ended.put_nowait(outcome)

    async def _heed(self, failure: TelegramFailure) -> None:
        """What a failure means for all that is to be sent."""
        match failure:
            case RetryLater(seconds=seconds):
                logger.warning("%s", failure)
                await self._in(self._redis, lambda: self._limits.hold(seconds))
            case WrongToken():
                self._wrong_token = failure
                self.stop()

    async def _record(self) -> None:
        """Record what has ended, all that there is at a time, for as long as it takes."""
        while True:
            outcomes = [await self._ended.get()]
            while not self._ended.empty():
                outcomes.append(self._ended.get_nowait())
            while not await self._recorded(outcomes):
                await asyncio.sleep(RETRY_SECONDS)
            self._under_way -= len(outcomes)
            self._freed.set()

    async def _recorded(self, outcomes: list[Outcome]) -> bool:
        try:
            await self._in(self._database, lambda: notifications_record(outcomes=outcomes))
        except Error as error:
            logger.warning(
                "What became of %d notifications is not recorded (%s): tried again", len(outcomes), type(error).__name__
            )
            return False
        return True

    def _give_back(self) -> None:
        while self._ready:
            self._end(Outcome(self._ready.popleft()[0], End.PUT_OFF))

    def _end(self, outcome: Outcome) -> None:
        """End what was never begun."""
        self._under_way += 1
        self._ended.put_nowait(outcome)

    async def _until_freed(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until ``stop``."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    @staticmethod
    async def _in(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, _with_live_connection, work)


def _with_live_connection(work: Callable[[], T]) -> T:
    """Do it, and close a connection that has failed, so that the next try has a new one."""
    try:
        return work()
    except Error:
        close_old_connections()
        raise
