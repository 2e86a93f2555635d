"""Servers that are taken away for as long as a block runs."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from exchanger.local.environments import BOOTSTRAP
from exchanger.testing.servers import TestServers


@contextmanager
def redis_killed(servers: TestServers) -> Iterator[None]:
    """Killed in the block, back empty after it."""
    os.kill(redis_pid(servers), signal.SIGKILL)
    try:
        yield
    finally:
        password = servers.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_PASSWORD"]
        servers.valkey.start(servers.environments.credentials(), password)


def redis_pid(servers: TestServers) -> int:
    pid = servers.valkey.pid()
    assert pid is not None
    return pid
