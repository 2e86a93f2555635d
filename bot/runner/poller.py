"""Asks Telegram for updates, and stores them: nothing else."""

import asyncio
import logging

from django.conf import settings
from django.db import Error
from django.utils import translation
from telegram import BotCommand

from bot.dialogues.registry import ENGINE
from bot.incoming import KINDS, read_update
from bot.languages import NAMES
from bot.runner.slots import Slot
from bot.services.updates import offset_read, polled_updates_store
from bot.telegram.client import Telegram
from bot.telegram.failures import AnotherPoller, RetryLater, TelegramFailure, WrongToken, translated

logger = logging.getLogger(__name__)

POLL_SECONDS = 25
RETRY_SECONDS = 2.0
CONFLICT_SECONDS = 10.0


class Poller:
    """Polls from ``run`` on until it is cancelled; only one of a bot's processes should."""

    def __init__(self, telegram: Telegram, database: Slot) -> None:
        self._telegram = telegram
        self._database = database
        self._bot_id = telegram.bot.token.partition(":")[0]

    async def run(self) -> None:
        """Poll for as long as it is let.

        Raises:
            WrongToken: Telegram does not know the bot.
        """
        await tell_commands(self._telegram)
        while True:
            try:
                await self._poll()
            except WrongToken:
                raise
            except AnotherPoller as failure:
                logger.warning("%s", in_plain_words(failure))
                await asyncio.sleep(CONFLICT_SECONDS)
            except TelegramFailure as failure:
                logger.warning("Telegram brings no updates: %s Asked again.", failure)
                await asyncio.sleep(failure.seconds if isinstance(failure, RetryLater) else RETRY_SECONDS)
            except Error as error:
                # They are asked for again: Telegram keeps what was not stored.
                logger.warning("Updates could not be stored (%s): tried again", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _poll(self) -> None:
        offset = await self._database.do(lambda: offset_read(bot_id=self._bot_id))
        found = await self._telegram.poll(offset=offset, seconds=POLL_SECONDS, kinds=KINDS)
        numbers = [each["update_id"] for each in found if isinstance(each, dict) and "update_id" in each]
        if numbers:
            updates = [update for each in found if (update := read_update(each)) is not None]
            await self._database.do(
                lambda: polled_updates_store(bot_id=self._bot_id, updates=updates, next_offset=max(numbers) + 1)
            )


def in_plain_words(failure: AnotherPoller) -> str:
    """Who else takes the bot's updates, and what to do about it."""
    if "webhook" in str(failure).lower():
        return (
            "Telegram brings this bot's updates to a webhook. To poll instead, run manage.py set_webhook --delete; "
            "to handle what the webhook stores, run manage.py runbot --handlers-only."
        )
    return (
        "Somebody else polls with this bot's token, and Telegram lets only one do so: end the other one, "
        "or get a token of your own from @BotFather."
    )


async def tell_commands(telegram: Telegram) -> None:
    """Have Telegram show the commands in its menu, in every language; where it does not answer, it keeps the old."""
    for language in NAMES:
        with translation.override(language):
            menu = [BotCommand(command.name, str(command.description)) for command in ENGINE.commands]
        code = None if language == settings.LANGUAGE_CODE else language
        try:
            with translated():
                await telegram.bot.set_my_commands(menu, language_code=code)
        except WrongToken:
            raise
        except TelegramFailure as failure:
            logger.warning("Telegram was not told the commands: %s", failure)
            return
