"""Carries out replies, those of many chats at a time and of each chat in order, as soon as they are committed.

What a process that died has left is found by looking once a second.
"""

import asyncio
import logging
import time

from django.db import Error
from telegram import InlineKeyboardMarkup

from bot.models.reply import ReplyMethod
from bot.runner.slots import Slot, pause
from bot.sender.admission import Limits
from bot.sender.retries import Verdict, failed_verdict, verdict_of
from bot.services.notification_delivery import End
from bot.services.reply_delivery import LEASE_SECONDS, ClaimedReply, ReplyOutcome, replies_claim, reply_record
from bot.telegram.client import Telegram
from bot.telegram.failures import Refused, RetryLater, TelegramFailure, WrongToken
from bot.telegram.transport import CALL_SECONDS
from exchanger.kernel.cache.pace import Grant

logger = logging.getLogger(__name__)

CONCURRENT = 30
LOOK_SECONDS = 1.0
RETRY_SECONDS = 1.0
AHEAD_SECONDS = 2.0
"""Replies may take so much of the pace in advance, and notifications next to nothing: so replies go first."""

_AS_GOOD_AS_SENT = {
    ReplyMethod.EDIT: "message is not modified",  # it was, by a process that could not record it any more
    ReplyMethod.ANSWER: "query is too old",  # nobody looks at the button any more
}


class Replier:
    """Runs until it is told to ``stop``."""

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram
        self._limits = Limits(AHEAD_SECONDS)
        self._under_way = 0
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._wrong_token: WrongToken | None = None
        self._database, self._redis = Slot("replies"), Slot("pace")

    def wake(self) -> None:
        """There may be something to say."""
        self._news.set()

    def stop(self) -> None:
        """End what is under way, and return from ``run``."""
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Carry out replies until ``stop``.

        Raises:
            WrongToken: Telegram does not know the bot; nothing was lost.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._stopping.is_set():
                    self._news.clear()
                    until = time.monotonic() + LEASE_SECONDS - CALL_SECONDS
                    for claimed in await self._claim():
                        self._under_way += 1
                        tasks.create_task(self._deliver(claimed, until))
                    await pause(self._news, LOOK_SECONDS)
        finally:
            self._database.close()
            self._redis.close()
        if self._wrong_token is not None:
            raise self._wrong_token

    async def _claim(self) -> list[ClaimedReply]:
        free = CONCURRENT - self._under_way
        if free <= 0:
            return []
        try:
            return await self._database.do(lambda: replies_claim(limit=free))
        except Error as error:
            logger.warning("No reply could be claimed (%s): tried again", type(error).__name__)
            return []

    async def _deliver(self, claimed: ClaimedReply, until: float) -> None:
        try:
            await self._record(await self._attempt(claimed, until))
        finally:
            self._under_way -= 1
            self.wake()  # the next one of the chat

    async def _attempt(self, claimed: ClaimedReply, until: float) -> ReplyOutcome:
        if (wait := await self._turn(claimed, until)) > 0:
            return ReplyOutcome(claimed, End.PUT_OFF, seconds=wait)
        try:
            message_id = await carry_out(self._telegram, claimed)
        except TelegramFailure as failure:
            if _is_as_good_as_sent(failure, claimed.method):
                message_id = int(claimed.payload.get("message_id", 0))
            else:
                await self._heed(failure)
                return _outcome(claimed, verdict_of(failure, claimed.attempts))
        except Exception:
            # One reply that nobody has foreseen must not keep all others from being sent.
            logger.exception("Reply %s could not be carried out", claimed.id)
            return _outcome(claimed, failed_verdict(claimed.attempts, "The bot could not send it: see its log."))
        return ReplyOutcome(claimed, End.SENT, message_id=message_id)

    async def _turn(self, claimed: ClaimedReply, until: float) -> float:
        """Wait for it; more than 0 where it does not come in time, and how long it takes."""
        takes = []
        if claimed.method is ReplyMethod.SEND:
            takes.append(lambda: self._limits.admit_to(claimed.chat_id))
        if claimed.method is not ReplyMethod.ANSWER:  # it is no message: nothing limits it
            takes.append(self._limits.admit_one)
        for take in takes:
            grant: Grant = await self._redis.do(take)
            while not grant.count:
                if time.monotonic() + grant.wait > until:
                    return grant.wait
                await asyncio.sleep(grant.wait)
                grant = await self._redis.do(take)
            await asyncio.sleep(grant.wait)
        return 0.0

    async def _heed(self, failure: TelegramFailure) -> None:
        """What a failure means for all that is to be said."""
        match failure:
            case RetryLater(seconds=seconds):
                logger.warning("%s", failure)
                await self._redis.do(lambda: self._limits.hold(seconds))
            case WrongToken():
                self._wrong_token = failure
                self.stop()

    async def _record(self, outcome: ReplyOutcome) -> None:
        """Record what has ended, for as long as it takes."""
        while True:
            try:
                await self._database.do(lambda: reply_record(outcome=outcome))
            except Error as error:
                logger.warning("What became of a reply is not recorded (%s): tried again", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


async def carry_out(telegram: Telegram, reply: ClaimedReply) -> int:
    """Make the call; Telegram's id of the message, 0 where there is none.

    Raises:
        TelegramFailure
    """
    payload, markup = reply.payload, reply.payload.get("reply_markup")
    keyboard = InlineKeyboardMarkup.de_json(markup, telegram.bot) if markup else None
    match reply.method:
        case ReplyMethod.SEND:
            return await telegram.send(chat_id=reply.chat_id, text=payload["text"], keyboard=keyboard)
        case ReplyMethod.EDIT:
            number = int(payload["message_id"])
            await telegram.edit(chat_id=reply.chat_id, message_id=number, text=payload["text"], keyboard=keyboard)
            return number
        case ReplyMethod.ANSWER:
            await telegram.answer_press(query_id=payload["callback_query_id"], text=payload.get("text"))
            return 0


def _is_as_good_as_sent(failure: TelegramFailure, method: ReplyMethod) -> bool:
    reason = _AS_GOOD_AS_SENT.get(method)
    return isinstance(failure, Refused) and reason is not None and reason in str(failure).lower()


def _outcome(claimed: ClaimedReply, verdict: Verdict) -> ReplyOutcome:
    return ReplyOutcome(claimed, verdict.end, verdict.failure, verdict.seconds, gone=verdict.gone)
