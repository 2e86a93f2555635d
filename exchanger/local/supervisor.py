"""The platform's processes under one supervisor: three applications and what works for them, with prefixed logs."""

import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import psutil
from honcho.manager import Manager

from exchanger.kernel.contexts import SPECS, Context
from exchanger.kernel.http import trusted
from exchanger.local.environments import BOT_SECRETS, BOT_TOKEN, CARD_PROCESSOR, CARD_PROCESSOR_PORT, WEBHOOK_SECRET
from exchanger.local.paths import CHECKOUT
from exchanger.local.servers import LocalServers

MARK = "EXCHANGER_LOCAL_RUN"  # in the environment of every process of ours, so that a later run knows them
READY_SECONDS = 60
STOP_SECONDS = 5
WEB_THREADS = 4
SENDER = "telegram-sender"
BOT = "telegram-bot"


class PortTaken(RuntimeError):
    """Something else listens where an application should."""


class Supervisor:
    """Starts everything, tells when it answers, and stops everything when it is interrupted or anything dies."""

    def __init__(self, servers: LocalServers, port_base: int) -> None:
        self.servers = servers
        self.port_base = port_base
        self.mark = str(servers.paths.root)

    def port(self, context: Context) -> int:
        return self.port_base + SPECS[context].port - SPECS[Context.WEB].port

    @property
    def card_processor_port(self) -> int:
        return self.port_base + CARD_PROCESSOR_PORT - SPECS[Context.WEB].port

    def end_leftovers(self) -> int:
        """End the processes that an earlier, killed run left behind; returns how many there were."""
        ours = [process for process in psutil.process_iter(["pid"]) if self._is_ours(process)]
        for process in ours:
            with suppress(psutil.NoSuchProcess):  # one ends with another
                process.terminate()
        _, alive = psutil.wait_procs(ours, timeout=STOP_SECONDS)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=STOP_SECONDS)
        return len(ours)

    def check_ports(self) -> None:
        """Raises PortTaken, naming the port and what to do."""
        wanted = {f"the {context} application": self.port(context) for context in Context}
        for name, port in {**wanted, "the card processor's sandbox": self.card_processor_port}.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise PortTaken(
                        f"port {port}, where {name} would listen, is taken: "
                        "end what listens there, or choose others with make up PORT=9000"
                    ) from error

    def run(self, when_ready: Callable[[], None]) -> int:
        """Run until Ctrl-C, SIGTERM, or the end of any process; returns the exit status."""
        manager = Manager()
        for context in Context:
            environment = self._environment(context)
            manager.add_process(context, self._server_command(context), env=environment, cwd=str(CHECKOUT))
            manager.add_process(f"{context}-worker", self._worker_command(), env=environment, cwd=str(CHECKOUT))
        if has_bot_token():
            environment = self._environment(Context.TELEGRAM)
            manager.add_process(SENDER, self._sender_command(), env=environment, cwd=str(CHECKOUT))
            manager.add_process(BOT, self._bot_command(), env=environment, cwd=str(CHECKOUT))
        own = {
            **self.servers.environments.inherited(),
            **self.servers.environments.read(CARD_PROCESSOR),
            MARK: self.mark,
        }
        manager.add_process(CARD_PROCESSOR, self._card_processor_command(), env=own, cwd=str(CHECKOUT))
        threading.Thread(target=self._announce, args=(when_ready,), daemon=True).start()
        manager.loop()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again, it would cut short what stops the servers
        # Ctrl-C is how one stops it: no failure.
        return 0 if manager.returncode in (130, 143) else manager.returncode or 0

    def _announce(self, when_ready: Callable[[], None]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        waiting: dict[str, str] = {context: f"http://127.0.0.1:{self.port(context)}/readyz" for context in Context}
        waiting[CARD_PROCESSOR] = f"http://127.0.0.1:{self.card_processor_port}/healthz"
        while waiting and time.monotonic() < deadline:
            waiting = {name: url for name, url in waiting.items() if not _answers(url)}
            time.sleep(0.1)
        if waiting:
            print(f"Not ready after {READY_SECONDS} s: {', '.join(waiting)}. See the log above.", file=sys.stderr)
        else:
            when_ready()

    def _environment(self, context: Context) -> dict[str, str]:
        elsewhere: dict[str, str] = {}
        if context is Context.TELEGRAM:
            elsewhere |= {name: os.environ[name] for name in BOT_SECRETS if name in os.environ}
            elsewhere["WEB_INTERNAL_URL"] = f"http://127.0.0.1:{self.port(Context.WEB)}"
        if context is Context.WEB:
            elsewhere["TELEGRAM_INTERNAL_URL"] = f"http://127.0.0.1:{self.port(Context.TELEGRAM)}"
            elsewhere["CARD_PROCESSOR_URL"] = f"http://127.0.0.1:{self.card_processor_port}"
        return {
            **self.servers.environments.inherited(),
            **self.servers.environments.for_process(context),
            "PUBLIC_WEB_URL": f"http://127.0.0.1:{self.port(Context.WEB)}",
            **elsewhere,
            MARK: self.mark,
            "PYTHONUNBUFFERED": "1",
        }

    def _server_command(self, context: Context) -> str:
        return shlex.join(
            [
                "exec", sys.executable, "-m", "granian", "--interface", "wsgi", "exchanger.wsgi:application",
                "--host", "127.0.0.1", "--port", str(self.port(context)), "--workers", "1", "--no-ws",
                # A thread keeps its database connections, so it should live longer than a pause between requests.
                "--blocking-threads", str(WEB_THREADS), "--blocking-threads-idle-timeout", "600",
                "--log-level", "warning",
            ]
        )  # fmt: skip

    def _card_processor_command(self) -> str:
        state = str(self.servers.paths.card_processor)
        program = [sys.executable, "-m", "exchanger.sandbox", "--port", str(self.card_processor_port), "--state", state]
        return shlex.join(["exec", *program])

    def _worker_command(self) -> str:
        return shlex.join(["exec", sys.executable, "manage.py", "worker"])

    def _sender_command(self) -> str:
        return shlex.join(["exec", sys.executable, "manage.py", "send_notifications"])

    def _bot_command(self) -> str:
        beside_a_webhook = ["--handlers-only"] if os.environ.get(WEBHOOK_SECRET) else []
        return shlex.join(["exec", sys.executable, "manage.py", "runbot", *beside_a_webhook])

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.pid != os.getpid() and process.environ().get(MARK) == self.mark
        except (psutil.Error, OSError):
            return False


def has_bot_token() -> bool:
    """Whether whoever runs this has a bot at Telegram; without one, nothing is sent."""
    return bool(os.environ.get(BOT_TOKEN))


def _answers(url: str) -> bool:
    try:
        answer: Any = httpx.get(url, timeout=2, verify=trusted())
    except httpx.HTTPError:
        return False
    return bool(answer.status_code == httpx.codes.OK)
