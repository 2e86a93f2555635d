"""Senders for tests: in a thread of this process, or as processes of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

from bot.models import Notification
from bot.sender.loop import Sender
from bot.telegram.client import Telegram
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment

WAIT_SECONDS = 60
FAST = {"TELEGRAM_MESSAGES_PER_SECOND": 1000.0, "TELEGRAM_CHAT_MESSAGES_PER_SECOND": 1000.0}


def eventually(condition, what=lambda: ""):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


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
def sender(server):
    """A sender in a thread; whatever it has begun is recorded when the block has ended."""
    running = threading.Event()
    held = {}

    async def send():
        async with Telegram(token=server.token, api_url=server.url, connections=30) as telegram:
            held["sender"] = Sender(telegram)
            held["loop"] = asyncio.get_running_loop()
            running.set()
            await held["sender"].run()

    def work():
        try:
            asyncio.run(send())
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
            held["loop"].call_soon_threadsafe(held["sender"].stop)
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    if "error" in held:
        raise held["error"]


class SenderProcess:
    """``manage.py send_notifications`` with an environment of its own; ``variables`` are added to it."""

    def __init__(self, world, server, name, **variables):
        self.log = world.paths.logs / f"sender-{name}.log"
        environment = {
            **process_environment("telegram", world.environments),
            "TELEGRAM_BOT_TOKEN": server.token,
            "TELEGRAM_API_URL": server.url,
            **{name: str(value) for name, value in {**FAST, **variables}.items()},
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "send_notifications"],
                cwd=CHECKOUT,
                env=environment,
                stdout=output,
                stderr=output,
            )

    def wait_until_started(self):
        eventually(lambda: "sending notifications as @exchanger_bot" in self.log.read_text(), self.log.read_text)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=WAIT_SECONDS) == 0, self.log.read_text()


@contextmanager
def frozen_redis(world):
    with world.redis() as redis:
        pid = redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
