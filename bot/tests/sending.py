"""Senders for tests: in a thread of this process, or as processes of their own."""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager

from bot.models import Notification
from bot.sender.loop import Sender
from bot.telegram.client import Telegram
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment
from exchanger.testing.waiting import until

WAIT_SECONDS = 60
FAST = {"TELEGRAM_MESSAGES_PER_SECOND": 1000.0, "TELEGRAM_CHAT_MESSAGES_PER_SECOND": 1000.0}


def time_passes(world):
    """Whatever waits for its time, and every claim, is past it."""
    world.superuser("bot").execute(
        "UPDATE notifications SET next_attempt_at = least(next_attempt_at, now()),"
        " claimed_until = least(claimed_until, now())"
    )


def ended():
    """How many notifications are sent or dead."""
    return Notification.objects.exclude(sent=False, dead_at=None).count()


@contextmanager
def in_thread(server, make):
    """What ``make(telegram)`` gives, a Sender or a BotProcess, runs in a thread until the block has ended."""
    running, held = threading.Event(), {}

    async def run():
        async with Telegram(token=server.token, api_url=server.url, connections=30) as telegram:
            held["it"], held["loop"] = make(telegram), asyncio.get_running_loop()
            running.set()
            await held["it"].run()

    def work():
        try:
            asyncio.run(run())
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
            held["loop"].call_soon_threadsafe(held["it"].stop)
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    if "error" in held:
        raise held["error"]


def sender(server):
    """A sender in a thread; whatever it has begun is recorded when the block has ended."""
    return in_thread(server, Sender)


class BotCommand:
    """``manage.py <command>`` of the bot with an environment of its own; ``variables`` are added to it."""

    def __init__(self, world, server, name, *command, **variables):
        self.log = world.paths.logs / f"{name}.log"
        environment = {
            **process_environment("telegram", world.environments),
            "TELEGRAM_BOT_TOKEN": server.token,
            "TELEGRAM_API_URL": server.url,
            **{name: str(value) for name, value in {**FAST, **variables}.items()},
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *command], cwd=CHECKOUT, env=environment, stdout=output, stderr=output
            )

    def wait_until(self, text):
        """It has printed ``text``, and not ended before."""
        until(lambda: text in self.log.read_text() or self.process.poll() is not None, self.log.read_text)
        assert text in self.log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=WAIT_SECONDS) == 0, self.log.read_text()


class SenderProcess(BotCommand):
    """``manage.py send_notifications``."""

    def __init__(self, world, server, name, **variables):
        super().__init__(world, server, f"sender-{name}", "send_notifications", **variables)

    def wait_until_started(self):
        self.wait_until("sending notifications as @exchanger_bot")
