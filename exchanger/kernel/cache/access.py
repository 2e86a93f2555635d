"""Every command to Redis passes here: fast while it answers, and not waited for while it does not.

Redis down, frozen or cut off must not slow every request down. The first failure opens the circuit: from then on
commands are refused at once, and their callers go on from PostgreSQL. Once an interval one caller probes. When the
probe is answered, the deletions that could not be carried out meanwhile are replayed *before* any value of Redis is
believed again, since it may have come back with what it held before.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)

T = TypeVar("T")
OUTAGES = (RedisConnectionError, RedisTimeoutError)


class CircuitOpen(RedisError):
    """Redis failed a moment ago and was not asked."""


class Circuit:
    """What one process knows of Redis. Thread-safe; a thread that finds it open never waits for another's probe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = False
        self._failures = 0  # so that a probe notices one that came while it was under way
        self._next_probe = 0.0  # monotonic seconds
        self._prober: int | None = None
        self._replaying = False  # the probe was answered: who deletes now need not leave it to the replay
        self.before_trusting: Callable[[], object] = lambda: None

    @property
    def is_open(self) -> bool:
        return self._open

    def reset(self) -> None:
        """Believe in Redis again without asking it: for a process that has been given another one."""
        self._open = False

    def ask(self, command: Callable[[Redis], T], *, deletes: bool = False) -> T:
        """The answer to ``command``, which is given the process's client.

        A command that ``deletes`` is carried out as soon as Redis answers again. Refused, it would leave a note that
        the replay under way has not seen, and Redis would be believed before the deletion.

        Raises:
            CircuitOpen: Redis was not asked.
            redis.RedisError: it was, and failed or refused.
        """
        if self._open and not self._may_pass(deletes) and not self._heal():
            raise CircuitOpen("Redis does not answer; it is asked again in a moment")
        try:
            return command(redis_client())
        except OUTAGES as error:
            self._trip(error)
            raise

    def _may_pass(self, deletes: bool) -> bool:
        return self._prober == threading.get_ident() or (deletes and self._replaying)

    def _trip(self, error: RedisError) -> None:
        with self._lock:
            if not self._open:
                logger.warning("Redis does not answer (%s): PostgreSQL goes on alone", type(error).__name__)
            self._open = True
            self._failures += 1
            self._next_probe = time.monotonic() + settings.REDIS_PROBE_SECONDS

    def _heal(self) -> bool:
        """Whether Redis may be trusted again; at most one caller an interval finds out."""
        with self._lock:
            if not self._open:
                return True
            if self._prober is not None or time.monotonic() < self._next_probe:
                return False
            self._prober = threading.get_ident()
            failures = self._failures
            self._next_probe = time.monotonic() + settings.REDIS_PROBE_SECONDS
        try:
            redis_client().ping()
            self._replaying = True
            self.before_trusting()
        except (RedisError, DatabaseError) as error:
            logger.info("Redis is not back yet (%s)", type(error).__name__)
            return False
        else:
            with self._lock:
                self._open = self._failures != failures
            if not self._open:
                logger.warning("Redis answers again")
            return not self._open
        finally:
            self._replaying = False
            self._prober = None


circuit = Circuit()


def ask(command: Callable[[Redis], T], *, deletes: bool = False) -> T:
    """``Circuit.ask`` of the process's own circuit."""
    return circuit.ask(command, deletes=deletes)


@cache
def redis_client() -> Redis:
    """The process's connection to Redis, as its context's user; finding it among Django's caches costs 2 µs a time."""
    client: Redis = get_redis_connection("default")
    return client
