"""Servers that fail."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from exchanger.testing.servers import TestServers


@contextmanager
def frozen_redis(world: TestServers) -> Iterator[None]:
    """Redis accepts and never answers, for the length of the block."""
    pid = world.valkey.pid()
    assert pid is not None, "the tests' Redis is not running"
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
