"""The web processes, and which of them a request goes to: what a reverse proxy does."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.servers import TestServers


class Fleet:
    """``size`` web processes of ``threads`` threads; stopped when the block ends."""

    def __init__(self, servers: TestServers, size: int, threads: int, extra: Mapping[str, str]) -> None:
        self.size = size
        self.threads = threads
        self._servers = servers
        self._extra = extra
        self._slots: list[ApplicationProcess | None] = [None] * size

    def __enter__(self) -> Self:
        try:
            with ThreadPoolExecutor(self.size) as threads:
                list(threads.map(self.start, range(self.size)))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def route(self, number: int) -> tuple[int, str]:
        """The slot and the URL for somebody whose home is process ``number``, or another's where that one is gone."""
        for slot in (number % self.size, *range(self.size)):
            if (process := self._slots[slot]) is not None:
                return slot, process.url
        raise RuntimeError("No web process is running.")

    def start(self, slot: int) -> None:
        log = self._servers.paths.logs / f"web-{slot}-{time.monotonic_ns()}.log"
        self._slots[slot] = ApplicationProcess(
            Context.WEB, self._servers.environments, log, threads=self.threads, extra=self._extra
        )

    def kill(self, slot: int) -> None:
        process = self._slots[slot]
        assert process is not None
        process.kill()
        self._slots[slot] = None

    def _stop(self) -> None:
        for process in self._slots:
            if process is not None:
                process.stop()
