"""Whole conversations: a bot in a thread or in processes of its own, the local Telegram, and people who talk to it."""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager

from bot.models import BotReply, BotUpdate
from bot.runner.process import BotProcess
from bot.telegram.client import Telegram
from bot.tests.sending import FAST, WAIT_SECONDS, eventually
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment


def settled():
    """Whether nothing waits to be handled or to be said."""
    updates = BotUpdate.objects.filter(handled_at=None, dead_at=None)
    return not updates.exists() and not BotReply.objects.filter(sent_at=None, dead_at=None).exists()


@contextmanager
def talking(server, *, handlers=2, polls=True):
    """A bot in a thread of this process, until the block has ended."""
    running, held = threading.Event(), {}

    async def talk():
        async with Telegram(token=server.token, api_url=server.url, connections=30) as telegram:
            held["process"] = BotProcess(telegram, handlers=handlers, polls=polls)
            held["loop"] = asyncio.get_running_loop()
            running.set()
            await held["process"].run()

    def work():
        try:
            asyncio.run(talk())
        except BaseException as error:
            held["error"] = error
            running.set()

    thread = threading.Thread(target=work)
    thread.start()
    running.wait()
    try:
        yield held
    finally:
        if thread.is_alive():
            held["loop"].call_soon_threadsafe(held["process"].stop)
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    if "error" in held:
        raise held["error"]


class BotRun:
    """``manage.py runbot`` with an environment of its own."""

    def __init__(self, world, server, name, *arguments, **variables):
        self.log = world.paths.logs / f"bot-{name}.log"
        environment = {
            **process_environment("telegram", world.environments),
            "TELEGRAM_BOT_TOKEN": server.token,
            "TELEGRAM_API_URL": server.url,
            **{name: str(value) for name, value in {**FAST, **variables}.items()},
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "runbot", *arguments],
                cwd=CHECKOUT,
                env=environment,
                stdout=output,
                stderr=output,
            )

    def wait_until(self, text):
        eventually(lambda: text in self.log.read_text() or self.process.poll() is not None, self.log.read_text)
        assert text in self.log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=WAIT_SECONDS) == 0, self.log.read_text()


class Talker:
    """Somebody who talks to the bot, and reads what it answers."""

    def __init__(self, server, chat_id, *, language="en"):
        self.server = server
        self.person = server.join(chat_id, language_code=language)
        self._read = 0

    @property
    def calls(self):
        """What the bot has done in the chat, in order: messages, and changes of messages."""
        wanted = ("sendMessage", "editMessageText")
        return [
            call
            for call in list(self.server.calls)
            if call.applied and call.method in wanted and call.chat_id == self.person.id
        ]

    def say(self, text):
        """What is answered first."""
        self.server.say(self.person, text)
        return self.hear()

    def hear(self):
        self._read += 1
        self.server.wait(lambda: len(self.calls) >= self._read)
        return self.calls[self._read - 1].text

    def keyboard(self):
        """The newest message with buttons: its id, and what each button carries."""
        messages = [
            (number, message)
            for (chat, number), message in self.server.api.chats.messages.items()
            if chat == self.person.id and "reply_markup" in message
        ]
        number, message = max(messages, key=lambda each: each[0])
        rows = message["reply_markup"]["inline_keyboard"]
        return number, {button["text"]: button["callback_data"] for row in rows for button in row}

    def press(self, label):
        """What is answered to the press, in the chat."""
        number, carried = self.keyboard()
        self.server.press(self.person, number, carried[label])
        return self.hear()
