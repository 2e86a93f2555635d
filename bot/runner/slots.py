"""Threads that wait for PostgreSQL and Redis, so that the event loop does not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error, close_old_connections, connections

T = TypeVar("T")


class Slot:
    """One thread with connections of its own, which does one thing at a time."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def do(self, work: Callable[[], T]) -> T:
        """What ``work`` returns; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _with_live_connections, work)

    def close(self) -> None:
        """Wait for what is under way, and close the connections."""
        self._thread.submit(connections.close_all)
        self._thread.shutdown()


def _with_live_connections(work: Callable[[], T]) -> T:
    """Do it, and close a connection that has failed, so that the next try has a new one."""
    try:
        return work()
    except Error:
        close_old_connections()
        raise


async def pause(until: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until the event is set."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        pass
