"""Counting attempts so that parallel ones cannot pass a limit: looking and counting are one atomic step.

An attempt is *reserved* before it is made, and given back when it turns out not to count. Each counter is one key
with an expiry of its own, so a Redis Cluster runs it unchanged, and its remaining life is the only clock: processes
whose clocks differ agree.

While Redis does not answer, the process counts in its own memory by the same rules: each process then grants what all
of them together grant otherwise, and what was counted on one side is not known on the other.
"""

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError

from exchanger.kernel.cache.access import CircuitOpen, ask
from exchanger.kernel.cache.namespaces import CacheKey
from exchanger.kernel.cache.scripts import evaluate
from exchanger.kernel.throttled import Throttled

logger = logging.getLogger(__name__)

MEMORY_CAPACITY = 10_000  # counters of one process, about 3 MB

# The life that is left (-2: no such key, -1: a key that somebody has made immortal) tells how long ago it was set.
_RESERVE = """
local left = redis.call('PTTL', KEYS[1])
local count = left > 0 and tonumber(redis.call('GET', KEYS[1])) or 0
local free, life = tonumber(ARGV[1]), tonumber(ARGV[2])
local first, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
if count >= free then
    local wait = left
    if first > 0 then wait = math.min(first * 2 ^ (count - free), longest) - (life - left) end
    if wait > 0 then return {0, wait, 0} end
end
if count == 0 then
    redis.call('SET', KEYS[1], 1, 'PX', life)
else
    redis.call('INCR', KEYS[1])
    if first > 0 then redis.call('PEXPIRE', KEYS[1], life) end
end
return {1, count + 1, left}
"""
_GIVE_BACK = """
local count = tonumber(redis.call('GET', KEYS[1])) or 0
if count <= 1 then return redis.call('UNLINK', KEYS[1]) end
redis.call('DECR', KEYS[1])
if tonumber(ARGV[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many attempts are granted, and what comes then; all times in seconds.

    Without ``first_delay`` it is a window: ``free`` attempts within ``life`` of the first, and none until it ends.
    With it, delays grow: after ``free`` attempts the next must come ``first_delay`` after the last, then twice that,
    and so on up to ``longest_delay``; all is forgotten ``life`` after the last attempt.
    """

    name: str
    free: int
    life: int
    first_delay: int = 0
    longest_delay: int = 0

    @property
    def grows(self) -> bool:
        return self.first_delay > 0

    def wait(self, count: int, left: int) -> int:
        """Milliseconds to wait after ``count`` attempts, when the counter has ``left`` milliseconds to live."""
        if count < self.free:
            return 0
        if not self.grows:
            return left
        doublings = min(count - self.free, 20)
        delay = min(self.first_delay << doublings, self.longest_delay)
        return delay * 1000 - (self.life * 1000 - left)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A granted attempt: the ``count``-th of its counter. It counts unless it is given back."""

    counters: "Counters"
    key: CacheKey
    rule: Rule
    count: int
    left_before: int  # milliseconds that the counter had to live before

    def give_back(self) -> None:
        """The attempt does not count after all."""
        self.counters.give_back(self)

    def clear(self) -> None:
        """No attempt of this counter counts any more."""
        self.counters.clear(self.key)


class Counters(Protocol):
    def reserve(self, key: CacheKey, rule: Rule) -> Reservation: ...
    def give_back(self, reservation: Reservation) -> None: ...
    def clear(self, key: CacheKey) -> None: ...


class RedisCounters:
    """The counters of all processes of a context. ``reserve`` raises RedisError when Redis does not count."""

    def reserve(self, key: CacheKey, rule: Rule) -> Reservation:
        args = (rule.free, rule.life * 1000, rule.first_delay * 1000, rule.longest_delay * 1000)
        granted, number, left = ask(lambda redis: evaluate(redis, _RESERVE, key, *args))
        if not granted:
            raise Throttled(math.ceil(number / 1000))
        return Reservation(self, key, rule, number, left)

    def give_back(self, reservation: Reservation) -> None:
        left_before = reservation.left_before if reservation.rule.grows else 0
        self._try(lambda: ask(lambda redis: evaluate(redis, _GIVE_BACK, reservation.key, left_before)))

    def clear(self, key: CacheKey) -> None:
        self._try(lambda: ask(lambda redis: redis.unlink(key)))

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except RedisError as error:
            logger.info("An attempt stays counted until it expires (%s)", type(error).__name__)


class MemoryCounters:
    """The counters of this process alone. Thread-safe.

    It holds ``capacity`` counters at most; beyond that, those that would be forgotten first are forgotten now.
    """

    def __init__(self, capacity: int = MEMORY_CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, float]] = {}  # how many, and when it ends by the clock

    def __len__(self) -> int:
        return len(self._held)

    def reserve(self, key: CacheKey, rule: Rule) -> Reservation:
        with self._lock:
            now = self._clock()
            count, ends = self._held.get(key, (0, now))
            left = int((ends - now) * 1000)
            if left <= 0:
                count = 0
            if (wait := rule.wait(count, left)) > 0:
                raise Throttled(math.ceil(wait / 1000))
            if count == 0 or rule.grows:
                ends = now + rule.life
            self._make_room(key, now)
            self._held[key] = (count + 1, ends)
            return Reservation(self, key, rule, count + 1, left)

    def give_back(self, reservation: Reservation) -> None:
        with self._lock:
            count, ends = self._held.get(reservation.key, (0, 0.0))
            if count <= 1:
                self._held.pop(reservation.key, None)
                return
            if reservation.rule.grows and reservation.left_before > 0:
                ends = self._clock() + reservation.left_before / 1000
            self._held[reservation.key] = (count - 1, ends)

    def clear(self, key: CacheKey) -> None:
        with self._lock:
            self._held.pop(key, None)

    def forget(self) -> None:
        """Drop every counter: for a process that has become another one."""
        with self._lock:
            self._held.clear()

    def _make_room(self, key: str, now: float) -> None:
        if key in self._held or len(self._held) < self._capacity:
            return
        self._held = {held: value for held, value in self._held.items() if value[1] > now}
        if len(self._held) >= self._capacity:
            # A tenth at once, so that looking for them costs little for each newcomer.
            for oldest in heapq.nsmallest(
                max(self._capacity // 10, 1), self._held, key=lambda held: self._held[held][1]
            ):
                del self._held[oldest]


in_redis = RedisCounters()
in_memory = MemoryCounters()


def reserve(key: CacheKey, rule: Rule) -> Reservation:
    """Count an attempt that is about to be made, in Redis, or in this process's memory while Redis does not answer.

    Raises:
        Throttled: it must not be made yet; nothing was counted.
    """
    try:
        return in_redis.reserve(key, rule)
    except RedisError as error:
        if not isinstance(error, CircuitOpen):
            logger.warning("Redis did not count an attempt (%s): this process counts by itself", type(error).__name__)
        return in_memory.reserve(key, rule)
