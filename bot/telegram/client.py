"""The process's client of the Bot API: time-outs, connections, and replies that leave things out."""

from types import TracebackType
from typing import Any, Self

from django.conf import settings
from telegram import Bot, InlineKeyboardMarkup
from telegram.request import HTTPXRequest

from bot.telegram.failures import translated
from exchanger.environment import WrongEnvironment

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""What an answer may take, to a poll beyond the time that the poll itself may take."""

CALL_SECONDS = CONNECT_SECONDS + 2 * ANSWER_SECONDS
"""The most that one call takes: connecting, sending, and waiting for the answer."""

HOW_TO_GET_ONE = "talk to @BotFather in Telegram, /newbot, and put what it gives you there"


class Request(HTTPXRequest):
    """The library's transport, for servers too whose replies leave out what the library insists on."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        return _completed(HTTPXRequest.parse_json_payload(payload))


class Telegram:
    """The bot at Telegram, or at whatever stands in for it at ``TELEGRAM_API_URL``.

    ``bot`` has every method of the Bot API; call it inside ``translated()``. To be used as an ``async with``.
    """

    def __init__(self, *, token: str, api_url: str, connections: int) -> None:
        self._requests = [self._request(connections), self._request(1)]
        calls, polls = self._requests
        self.bot = Bot(token, base_url=f"{api_url.rstrip('/')}/bot", request=calls, get_updates_request=polls)

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
        for request in self._requests:
            await request.shutdown()

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
        with translated():
            return (await self.bot.send_message(chat_id, text, reply_markup=keyboard)).message_id

    @staticmethod
    def _request(connections: int) -> Request:
        return Request(
            connection_pool_size=connections,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            pool_timeout=ANSWER_SECONDS,
            # Whatever proxy the environment names is not for the address that the setting names.
            httpx_kwargs={"trust_env": False},
        )


def _completed(found: Any) -> Any:
    """A reply with what the library cannot do without, and somebody who stands in for Telegram may have left out."""
    if isinstance(found, list):
        return [_completed(each) for each in found]
    if not isinstance(found, dict):
        return found
    told = {name: _completed(value) for name, value in found.items()}
    if "message_id" in told:
        told = {"date": 0, "chat": {"id": 0, "type": "private"}, **told}
    if isinstance(told.get("chat"), dict):
        told["chat"] = {"type": "private", **told["chat"]}
    if isinstance(told.get("from"), dict):
        told["from"] = {"first_name": "", "is_bot": False, **told["from"]}
    return told
