"""The faults: each holds while its block runs, and is healed when the block ends."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial

from bench.drilling.fleet import Fleet
from bench.outages import redis_killed, redis_pid
from exchanger.testing.servers import TestServers


class Hit(Enum):
    """What a fault takes away."""

    REDIS = "Redis"
    POSTGRESQL = "PostgreSQL"
    WEB = "a web process"


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    hit: Hit
    holds: Callable[[], AbstractContextManager[None]]


FROZEN = "Redis frozen"


def faults(servers: TestServers, fleet: Fleet) -> list[Fault]:
    return [
        Fault(FROZEN, Hit.REDIS, partial(_frozen_redis, servers)),
        Fault("Redis killed, back empty", Hit.REDIS, partial(redis_killed, servers)),
        Fault("Redis full", Hit.REDIS, partial(_full_redis, servers)),
        Fault("PostgreSQL stopped", Hit.POSTGRESQL, partial(_stopped_postgresql, servers)),
        Fault("web process killed", Hit.WEB, partial(_killed_web, fleet)),
    ]


@contextmanager
def _frozen_redis(servers: TestServers) -> Iterator[None]:
    """It accepts connections and never answers."""
    pid = redis_pid(servers)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _full_redis(servers: TestServers) -> Iterator[None]:
    """At maxmemory, and it evicts nothing: it still deletes, and refuses every command that could store."""
    with servers.redis() as client:
        before = client.config_get("maxmemory*")
        client.config_set("maxmemory-policy", "noeviction", "maxmemory", 1)
    try:
        yield
    finally:
        with servers.redis() as client:
            # At once: with the old policy and the new limit it would evict everything, and heal too well.
            client.config_set("maxmemory", before["maxmemory"], "maxmemory-policy", before["maxmemory-policy"])


@contextmanager
def _stopped_postgresql(servers: TestServers) -> Iterator[None]:
    """A fast shutdown: connections are cut and transactions undone; then nobody listens."""
    servers.postgres.stop()
    try:
        yield
    finally:
        servers.postgres.start()


@contextmanager
def _killed_web(fleet: Fleet) -> Iterator[None]:
    fleet.kill(0)
    try:
        yield
    finally:
        fleet.start(0)
