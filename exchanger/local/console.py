"""A chat with the bot in a terminal: the local Telegram on one side, somebody at a keyboard on the other."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from exchanger.sandbox.telegram.api import Call
from exchanger.sandbox.telegram.chats import Person
from exchanger.sandbox.telegram.server import TelegramServer

ANSWER_SECONDS = 20.0
QUIET_SECONDS = 0.5  # when nothing more has come for so long, it is the person's turn
_SHOWN = ("sendMessage", "editMessageText", "answerCallbackQuery")


@dataclass(frozen=True, slots=True)
class _Button:
    message_id: int
    label: str
    data: str


class Console:
    """One person's chat with the bot. ``show`` prints a line."""

    def __init__(self, server: TelegramServer, person: Person, show: Callable[[str], None]) -> None:
        self._server = server
        self._person = person
        self._show = show
        self._read = 0
        self._buttons: list[_Button] = []

    def talk(self, lines: Iterable[str]) -> None:
        """Say each line, or press the button of its number, and show what the bot answers."""
        for line in lines:
            text = line.strip()
            if text.isdecimal() and 0 < int(text) <= len(self._buttons):
                button = self._buttons[int(text) - 1]
                self._server.press(self._person, button.message_id, button.data)
            elif text:
                self._server.say(self._person, text)
            self._listen(expecting=bool(text))

    def _listen(self, *, expecting: bool) -> None:
        until = time.monotonic() + (ANSWER_SECONDS if expecting else 0)
        while not (news := self._news()) and time.monotonic() < until:
            time.sleep(0.05)
        if expecting and not news:
            self._show("(The bot does not answer. Its log may say why.)")
        while news:
            for call in news:
                self._tell(call)
            time.sleep(QUIET_SECONDS)
            news = self._news()

    def _news(self) -> list[Call]:
        """What the bot has done since the last time."""
        calls = list(self._server.calls)
        news, self._read = calls[self._read :], len(calls)
        return [call for call in news if call.applied and call.method in _SHOWN and call.text]

    def _tell(self, call: Call) -> None:
        if call.method == "answerCallbackQuery":
            self._show(f"bot * {call.text}")
            return
        self._show("bot > " + call.text.replace("\n", "\n      "))
        before, self._buttons = self._buttons, self._keyboard()
        if self._buttons != before:
            for place, button in enumerate(self._buttons, start=1):
                self._show(f"      [{place}] {button.label}")

    def _keyboard(self) -> list[_Button]:
        """The buttons of the newest message that has any: they stay in sight, as in a chat."""
        messages: dict[tuple[int, int], dict[str, Any]] = dict(self._server.api.chats.messages)
        for (chat, number), message in sorted(messages.items(), reverse=True):
            if chat == self._person.id and "reply_markup" in message:
                rows = message["reply_markup"]["inline_keyboard"]
                return [_Button(number, each["text"], each["callback_data"]) for row in rows for each in row]
        return []
