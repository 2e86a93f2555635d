"""The process's client of the Bot API."""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from telegram import Bot, InlineKeyboardMarkup

from bot.telegram.failures import Unanswered, translated
from bot.telegram.transport import ANSWER_SECONDS, CALL_SECONDS, Transport
from exchanger.environment import WrongEnvironment

T = TypeVar("T")
HOW_TO_GET_ONE = "talk to @BotFather in Telegram, send /newbot, and set it to what you are given"


class Telegram:
    """The bot at Telegram, or at whatever stands in for it at ``TELEGRAM_API_URL``; an ``async with`` closes it.

    ``bot`` has every method of the Bot API; call them inside ``translated()``.
    """

    def __init__(self, *, token: str, api_url: str, connections: int) -> None:
        self._calls, self._polls = Transport(connections), Transport(1)
        base_url = f"{api_url.rstrip('/')}/bot"
        self.bot = Bot(token, base_url=base_url, request=self._calls, get_updates_request=self._polls)

    @classmethod
    def from_settings(cls, *, connections: int) -> Self:
        """The client that the process's settings describe.

        Raises:
            WrongEnvironment: there is no token.
        """
        if not settings.TELEGRAM_BOT_TOKEN:
            raise WrongEnvironment(f"TELEGRAM_BOT_TOKEN is not set: {HOW_TO_GET_ONE}")
        return cls(token=settings.TELEGRAM_BOT_TOKEN, api_url=settings.TELEGRAM_API_URL, connections=connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._calls.shutdown()
        await self._polls.shutdown()

    async def check_token(self) -> str:
        """The bot's user name.

        Raises:
            TelegramFailure: WrongToken, or there was no answer.
        """
        with translated():
            return (await self.bot.get_me()).username or ""

    async def send(self, *, chat_id: int, text: str, keyboard: InlineKeyboardMarkup | None = None) -> int:
        """Send plain text, at most 4096 characters; Telegram's id of the message.

        Raises:
            TelegramFailure: Unanswered leaves open whether it was sent.
        """
        return (await _answered(self.bot.send_message(chat_id, text, reply_markup=keyboard))).message_id

    async def edit(
        self, *, chat_id: int, message_id: int, text: str, keyboard: InlineKeyboardMarkup | None = None
    ) -> None:
        """Put another text, and these buttons alone, where a message of ours is.

        Raises:
            TelegramFailure: Refused where the message is gone, or is like that already.
        """
        await _answered(self.bot.edit_message_text(text, chat_id, message_id, reply_markup=keyboard))

    async def answer_press(self, *, query_id: str, text: str | None = None) -> None:
        """Tell Telegram that a press was noticed; ``text`` is shown over the chat for a moment.

        Raises:
            TelegramFailure: Refused where the press was too long ago.
        """
        await _answered(self.bot.answer_callback_query(query_id, text=text))

    async def poll(self, *, offset: int | None, seconds: int, kinds: Sequence[str]) -> list[Any]:
        """Updates of these kinds from ``offset`` on, waited for at most ``seconds``; they come as Telegram wrote them.

        Raises:
            TelegramFailure: AnotherPoller, among others.
        """
        wanted = {"timeout": seconds, "allowed_updates": json.dumps(kinds)}
        if offset is not None:
            wanted["offset"] = offset
        with translated():
            address = f"{self.bot.base_url}/getUpdates?{urlencode(wanted)}"
            found = await self._polls.post(address, read_timeout=seconds + ANSWER_SECONDS)
        return found if isinstance(found, list) else []


async def _answered(call: Awaitable[T]) -> T:
    """What the call came to, within CALL_SECONDS.

    Raises:
        TelegramFailure
    """
    try:
        async with asyncio.timeout(CALL_SECONDS):
            with translated():
                return await call
    except TimeoutError as error:
        raise Unanswered(f"Telegram did not answer within {CALL_SECONDS:g} s.") from error
