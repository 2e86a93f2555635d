"""A pace that all processes of a context keep together: so much a second, evenly, whoever asks.

One key holds what has been granted ahead of time, as its own remaining life: its expiry is the only clock, so processes
whose clocks differ agree, and a Redis Cluster runs it unchanged.

While Redis does not answer, each process keeps a fraction of the pace by itself, so that a few of them stay within it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import RedisError

from exchanger.kernel.cache.access import CircuitOpen, ask
from exchanger.kernel.cache.namespaces import PACE, CacheKey
from exchanger.kernel.cache.scripts import evaluate

logger = logging.getLogger(__name__)

SHARE = 5
"""How many processes are taken to share a pace while none can hear of the others."""

MEMORY_CAPACITY = 10_000  # paces that one process keeps by itself

# All in microseconds. The key's life is in whole milliseconds, so its value is the rest.
_TAKE = """
local owed = 0
local left = redis.call('PTTL', KEYS[1])
if left >= 0 then owed = left * 1000 + tonumber(redis.call('GET', KEYS[1])) end
local cost, wanted, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if owed > ahead then return {0, owed} end
local granted = math.min(wanted, math.floor((ahead - owed) / cost) + 1)
local then_owed = owed + granted * cost
redis.call('SET', KEYS[1], then_owed % 1000, 'PX', math.max(math.floor(then_owed / 1000), 1))
return {granted, owed}
"""
_HOLD = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 0, 'PX', ARGV[1]) end
return 1
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """``count`` may be done, the first after ``wait`` seconds and each of the others a step of the pace later.

    Where it is none, ask again after ``wait``.
    """

    count: int
    wait: float


class Pace:
    """``per_second`` of one kind, named ``ident``, and at most ``ahead`` seconds of it promised in advance."""

    def __init__(self, ident: str, *, per_second: float, ahead: float = 0.0) -> None:
        self.key = PACE.key(ident)
        self.step = 1 / per_second
        self.ahead = ahead

    def take(self, wanted: int = 1) -> Grant:
        """As many of ``wanted`` as the pace allows now."""
        held = in_memory.held(self.key)
        if held > 0:
            return Grant(0, held)
        args = (round(self.step * 1e6), wanted, round(self.ahead * 1e6))
        try:
            count, owed = ask(lambda redis: evaluate(redis, _TAKE, self.key, *args))
        except RedisError as error:
            _tell(error)
            return in_memory.take(self.key, self.step * SHARE, wanted, self.ahead)
        return _grant(count, owed / 1e6, self.ahead)

    def hold(self, seconds: float) -> None:
        """Grant nothing to anybody for so long, an hour at most."""
        seconds = min(seconds, PACE.ttl)
        in_memory.hold(self.key, seconds)
        try:
            ask(lambda redis: evaluate(redis, _HOLD, self.key, round(seconds * 1000)))
        except RedisError as error:
            _tell(error)


class MemoryPaces:
    """What this process keeps by itself: paces while Redis is away, and the pauses that it has heard of. Thread-safe.

    It remembers ``capacity`` at most; beyond that, those that are over are forgotten, and then all.
    """

    def __init__(self, capacity: int = MEMORY_CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}
        self._held_until: dict[str, float] = {}

    def take(self, key: CacheKey, step: float, wanted: int, ahead: float) -> Grant:
        with self._lock:
            now = self._clock()
            owed = max(self._free_at.get(key, now) - now, 0.0)
            if owed > ahead:
                return _grant(0, owed, ahead)
            count = min(wanted, int((ahead - owed) / step) + 1)
            self._make_room(self._free_at, key, now)
            self._free_at[key] = now + owed + count * step
            return Grant(count, owed)

    def hold(self, key: CacheKey, seconds: float) -> None:
        with self._lock:
            now = self._clock()
            self._make_room(self._held_until, key, now)
            self._held_until[key] = max(now + seconds, self._held_until.get(key, 0.0))

    def held(self, key: CacheKey) -> float:
        """For how many seconds more the pace is held; 0 where it is not."""
        if key not in self._held_until:
            return 0.0
        with self._lock:
            left = self._held_until.get(key, 0.0) - self._clock()
            if left <= 0:
                self._held_until.pop(key, None)
            return max(left, 0.0)

    def forget(self) -> None:
        """Drop everything: for a process that has become another one."""
        with self._lock:
            self._free_at.clear()
            self._held_until.clear()

    def _make_room(self, moments: dict[str, float], key: str, now: float) -> None:
        """For one key more, in the one or the other."""
        if key in moments or len(moments) < self._capacity:
            return
        for over in [paced for paced, at in moments.items() if at <= now]:
            del moments[over]
        if len(moments) >= self._capacity:
            moments.clear()


in_memory = MemoryPaces()


def _grant(count: int, owed: float, ahead: float) -> Grant:
    """What to tell when ``owed`` seconds are promised already: who asks again in time keeps the pace up."""
    return Grant(count, owed if count else owed - ahead / 2)


def _tell(error: RedisError) -> None:
    if not isinstance(error, CircuitOpen):
        logger.warning("Redis keeps no pace (%s): this process keeps a part of it by itself", type(error).__name__)
