"""The processes of the platform, each of which can be killed and started again as it was, at the same address."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg
from psycopg import sql

from exchanger.kernel.contexts import SPECS, Context
from exchanger.kernel.http import trusted
from exchanger.local.environments import CARD_PROCESSOR
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import ApplicationProcess, WorkerProcess, process_environment
from exchanger.testing.servers import TestServers

WEB_PROCESSES = 2
WEB_THREADS = 4
WEB_WORKERS = 2
START_SECONDS = 90  # several start at once, beside all the load
AT_ONCE = 3  # processes that start together
# Below those that the system gives out itself, so that nobody has a port in the moment in which its process is dead.
PORTS = range(20_000, 32_000)


class Process(Protocol):
    def stop(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(slots=True)
class Part:
    """``kind`` is what it is called in the report."""

    kind: str
    begin: Callable[[], Process]
    process: Process | None = None
    kills: int = 0

    def start(self) -> None:
        self.process = self.begin()

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.stop()

    def kill(self) -> None:
        assert self.process is not None
        process, self.process = self.process, None
        self.kills += 1
        process.kill()


class SandboxProcess:
    """The card processor; ``state`` is the file that it remembers in."""

    def __init__(self, servers: TestServers, port: int, state: Path, log: Path) -> None:
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "exchanger.sandbox", "--port", str(port), "--state", str(state)],
                env={**process_environment(None, servers.environments), **servers.environments.read(CARD_PROCESSOR)},
                cwd=CHECKOUT,
                stdout=output,
                stderr=output,
            )
        _wait(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), f"The card processor did not answer: {log}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=60)


class Worker:
    """A worker, and the number under which it has told the job engine that it lives."""

    def __init__(self, context: Context, servers: TestServers, log: Path, **variables: str) -> None:
        self._jobs = servers.superuser(SPECS[context].alias)
        before = self._known()
        self._process = WorkerProcess(context, servers.environments, log, PYTHONFAULTHANDLER="1", **variables)
        try:
            _wait(lambda: self._known() - before, "The worker did not begin")
        except RuntimeError as error:
            self._process.process.send_signal(signal.SIGABRT)  # it writes down where it is
            self._process.process.wait(timeout=60)
            raise RuntimeError(f"{error}:\n{log.read_text()}") from error
        (self._id,) = self._known() - before

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """Kill it, and let the job engine see at once what it would see after a minute: that it is dead."""
        self._process.kill()
        dead = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id = %s"
        self._jobs.execute(dead, (self._id,))

    def _known(self) -> set[int]:
        return {number for (number,) in self._jobs.execute("SELECT id FROM procrastinate_workers")}


@dataclass(slots=True)
class Platform:
    """Everything that runs, but for the two servers."""

    servers: TestServers
    extra: Mapping[str, str]
    parts: list[Part] = field(init=False)
    ports: dict[str, int] = field(init=False)
    state: Path = field(init=False)
    _numbers: "itertools.count[int]" = field(init=False, default_factory=itertools.count)
    _registering: dict[Context, threading.Lock] = field(init=False)

    def __post_init__(self) -> None:
        self._registering = {context: threading.Lock() for context in Context}
        names = [*(f"web {number}" for number in range(WEB_PROCESSES)), "admin", "telegram", "card processor"]
        self.ports = dict(zip(names, _free_ports(), strict=False))
        self.state = self.servers.paths.root / "card-processor.sqlite"
        for alias in ("web", "bot"):  # opened before there are threads
            self.servers.superuser(alias)
        self.parts = [
            *(Part("web process", self._web(f"web {number}")) for number in range(WEB_PROCESSES)),
            *(Part("web worker", self._worker(Context.WEB)) for _ in range(WEB_WORKERS)),
            Part("admin process", lambda: self._application(Context.ADMIN, "admin")),
            Part("telegram process", lambda: self._application(Context.TELEGRAM, "telegram")),
            Part("telegram worker", self._worker(Context.TELEGRAM)),
            Part("card processor", self._sandbox),
        ]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def web_urls(self) -> list[str]:
        return [self.url(f"web {number}") for number in range(WEB_PROCESSES)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything is up inside; what is left of it is stopped at the end."""
        try:
            with ThreadPoolExecutor(AT_ONCE) as threads:
                list(threads.map(Part.start, self.parts))
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        with ThreadPoolExecutor(len(self.parts)) as threads:
            list(threads.map(Part.stop, self.parts))

    def of_kind(self, kind: str) -> list[Part]:
        return [part for part in self.parts if part.kind == kind]

    def defer(self, context: Context, task: str, lock: str | None = None) -> None:
        """Queue a job as the schedule does; nothing happens where one waits already."""
        statement = sql.SQL(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', {task}, 0, {lock}, {task},"
            """ '{{"timestamp": 0}}', NULL)::procrastinate_job_to_defer_v1])"""
        ).format(task=sql.Literal(task), lock=sql.Literal(lock))
        with suppress(psycopg.errors.UniqueViolation):
            self.servers.superuser(SPECS[context].alias).execute(statement)

    def _log(self, name: str) -> Path:
        return self.servers.paths.logs / f"{name.replace(' ', '-')}-{next(self._numbers)}.log"

    def _variables(self, context: Context) -> dict[str, str]:
        if context is not Context.WEB:
            return dict(self.extra)
        return {
            **self.extra,
            "TELEGRAM_INTERNAL_URL": self.url("telegram"),
            "CARD_PROCESSOR_URL": self.url("card processor"),
            "PUBLIC_WEB_URL": self.url("web 0"),
        }

    def _web(self, name: str) -> Callable[[], Process]:
        return lambda: self._application(Context.WEB, name, threads=WEB_THREADS)

    def _application(self, context: Context, name: str, **options: Any) -> Process:
        return ApplicationProcess(
            context,
            self.servers.environments,
            self._log(name),
            extra=self._variables(context),
            port=self.ports[name],
            **{"threads": 4, **options},
        )

    def _worker(self, context: Context) -> Callable[[], Process]:
        def begin() -> Process:
            with self._registering[context]:  # so that the new number is this one's
                worker = Worker(context, self.servers, self._log(f"{context} worker"), **self._variables(context))
            self.defer(context, "jobs.retry_stalled")
            return worker

        return begin

    def _sandbox(self) -> Process:
        return SandboxProcess(self.servers, self.ports["card processor"], self.state, self._log("card processor"))


def _free_ports() -> Iterator[int]:
    first = os.getpid() % len(PORTS)  # two runs at once look in different places
    for port in (*PORTS[first:], *PORTS[:first]):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, verify=trusted()).is_success
    except httpx.TransportError:
        return False


def _wait(condition: Callable[[], object], message: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(message)
        time.sleep(0.05)
