"""Counting attempts, in Redis and in memory by the same rules: one contract, run on both."""

import threading

import pytest
from redis.exceptions import RedisError, ResponseError

from exchanger.kernel.cache import access, counters
from exchanger.kernel.cache.counters import MemoryCounters, RedisCounters, Rule, reserve
from exchanger.kernel.cache.namespaces import THROTTLE
from exchanger.kernel.throttled import Throttled
from exchanger.testing.outages import frozen_redis

pytestmark = pytest.mark.context("web")
SLOW = 5  # seconds that a busy machine may take over a few commands
WINDOW = Rule("window", free=3, life=900)
GROWING = Rule("growing", free=2, life=3600, first_delay=30, longest_delay=100)


class InRedis:
    def __init__(self, world):
        self.counters = RedisCounters()
        self._world = world

    def pass_seconds(self, seconds):
        with self._world.redis() as redis:
            for key in redis.keys("*"):
                left = redis.pttl(key) - seconds * 1000
                if left > 0:
                    redis.pexpire(key, left)
                else:
                    redis.delete(key)

    def kept(self):
        with self._world.redis() as redis:
            return len(redis.keys("*"))


class InMemory:
    def __init__(self, world):
        self._now = 0.0
        self.counters = MemoryCounters(clock=lambda: self._now)

    def pass_seconds(self, seconds):
        self._now += seconds

    def kept(self):
        return len(self.counters)


@pytest.fixture(params=[InRedis, InMemory])
def store(request, world):
    return request.param(world)


@pytest.fixture
def key():
    return THROTTLE.key("x:1")


def refused(store, key, rule):
    """How many seconds one has to wait; None where the attempt is granted."""
    try:
        store.counters.reserve(key, rule)
    except Throttled as refusal:
        return refusal.retry_after
    return None


def test_a_window_grants_its_number_and_then_nothing_until_it_ends(store, key):
    assert [refused(store, key, WINDOW) for _ in range(3)] == [None] * 3
    store.pass_seconds(300)
    assert refused(store, key, WINDOW) == pytest.approx(600, abs=SLOW)
    store.pass_seconds(600)
    assert [refused(store, key, WINDOW) for _ in range(3)] == [None] * 3
    assert refused(store, key, WINDOW) == pytest.approx(900, abs=SLOW)


def test_a_window_begins_with_its_first_attempt_and_later_ones_do_not_lengthen_it(store, key):
    store.counters.reserve(key, WINDOW)
    store.pass_seconds(800)
    store.counters.reserve(key, WINDOW)
    store.counters.reserve(key, WINDOW)
    assert refused(store, key, WINDOW) == pytest.approx(100, abs=SLOW)


def test_delays_grow_up_to_the_longest_and_begin_with_the_last_attempt(store, key):
    delays = []
    for _ in range(7):
        wait = refused(store, key, GROWING)
        delays.append(wait)
        if wait is not None:
            store.pass_seconds(wait)
            assert refused(store, key, GROWING) is None
    assert delays[:2] == [None, None]
    assert delays[2:] == pytest.approx([30, 60, 100, 100, 100], abs=SLOW)


def test_what_is_refused_counts_nothing_and_makes_nobody_wait_longer(store, key):
    for _ in range(2):
        store.counters.reserve(key, GROWING)
    for _ in range(50):
        assert refused(store, key, GROWING) == pytest.approx(30, abs=SLOW)
    store.pass_seconds(20)
    assert refused(store, key, GROWING) == pytest.approx(10, abs=SLOW)
    store.pass_seconds(10)
    assert store.counters.reserve(key, GROWING).count == 3


def test_delays_are_forgotten_a_life_after_the_last_attempt(store, key):
    for _ in range(2):
        store.counters.reserve(key, GROWING)
    store.pass_seconds(3600)
    assert store.counters.reserve(key, GROWING).count == 1


@pytest.mark.parametrize("rule", [WINDOW, GROWING], ids=lambda rule: rule.name)
def test_an_attempt_that_is_given_back_leaves_nothing(store, key, rule):
    store.counters.reserve(key, rule).give_back()
    assert store.kept() == 0
    first, second = store.counters.reserve(key, rule), store.counters.reserve(key, rule)
    second.give_back()
    assert store.counters.reserve(key, rule).count == 2
    first.clear()
    assert store.kept() == 0


def test_giving_back_an_attempt_that_was_granted_after_a_delay_does_not_begin_the_delay_anew(store, key):
    for _ in range(2):
        store.counters.reserve(key, GROWING)
    store.pass_seconds(30)
    store.counters.reserve(key, GROWING).give_back()
    assert store.counters.reserve(key, GROWING).count == 3


def test_giving_back_does_not_move_the_end_of_a_window(store, key):
    store.counters.reserve(key, WINDOW)
    store.pass_seconds(800)
    store.counters.reserve(key, WINDOW).give_back()
    store.pass_seconds(100)
    assert store.counters.reserve(key, WINDOW).count == 1


@pytest.mark.parametrize("rule", [WINDOW, GROWING], ids=lambda rule: rule.name)
def test_any_number_of_threads_get_what_one_after_the_other_would(store, key, rule):
    granted, barrier = [], threading.Barrier(24)

    def attempt():
        barrier.wait()
        if refused(store, key, rule) is None:
            granted.append(1)

    threads = [threading.Thread(target=attempt) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == rule.free


def test_counters_do_not_know_each_other(store, key):
    for _ in range(3):
        store.counters.reserve(key, WINDOW)
    assert refused(store, THROTTLE.key("x:2"), WINDOW) is None


def test_a_counter_that_somebody_made_immortal_or_spoiled_starts_anew_and_expires(world, key):
    for spoil in (("SET", key, "99"), ("SET", key, "not a number", "EX", "100")):
        with world.redis() as redis:
            redis.execute_command(*spoil)
        assert RedisCounters().reserve(key, WINDOW).count == 1
        with world.redis() as redis:
            assert 0 < redis.ttl(key) <= 900


def test_memory_forgets_what_would_be_forgotten_first_when_it_is_full(key):
    now = [0.0]
    memory = MemoryCounters(capacity=3, clock=lambda: now[0])
    for number in range(3):
        memory.reserve(THROTTLE.key(f"x:{number}"), WINDOW)
        now[0] += 1
    lasting = Rule("lasting", free=9, life=3600, first_delay=1, longest_delay=1)
    memory.reserve(key, lasting)  # the counter x:1 again: no room is needed
    memory.reserve(THROTTLE.key("y"), WINDOW)
    assert len(memory) == 3
    assert memory.reserve(key, lasting).count == 3  # it lives longest
    assert memory.reserve(THROTTLE.key("x:0"), WINDOW).count == 1  # the oldest went
    now[0] += 4000
    memory.reserve(THROTTLE.key("z"), WINDOW)
    assert len(memory) == 1


def test_while_redis_is_frozen_the_process_counts_by_itself(world, key, settings, caplog):
    settings.REDIS_PROBE_SECONDS = 3600.0
    with frozen_redis(world):
        for _ in range(3):
            reserve(key, WINDOW)
        with pytest.raises(Throttled):
            reserve(key, WINDOW)
    assert access.circuit.is_open
    assert caplog.text.count("this process counts by itself") == 1  # and not once for each attempt
    assert len(counters.in_memory) == 1


def test_a_redis_that_refuses_to_count_does_not_open_the_door(world, key):
    with world.redis() as redis:
        redis.config_set("maxmemory", "1")
        redis.config_set("maxmemory-policy", "noeviction")
    try:
        with pytest.raises(ResponseError):
            RedisCounters().reserve(key, WINDOW)
        for _ in range(3):
            reserve(key, WINDOW)
        with pytest.raises(Throttled):
            reserve(key, WINDOW)
    finally:
        with world.redis() as redis:
            redis.config_set("maxmemory", "256mb")
            redis.config_set("maxmemory-policy", "volatile-lru")


def test_an_attempt_is_given_back_where_it_was_counted(world, key, settings):
    settings.REDIS_PROBE_SECONDS = 3600.0
    with frozen_redis(world):
        with pytest.raises(RedisError):
            access.ask(lambda redis: redis.ping())
        counted_here = reserve(key, WINDOW)
    access.circuit.reset()
    counted_there = reserve(key, WINDOW)
    counted_here.give_back()
    assert len(counters.in_memory) == 0
    with world.redis() as redis:
        assert redis.get(key) == b"1"
    with frozen_redis(world):
        with pytest.raises(RedisError):
            access.ask(lambda redis: redis.ping())
        counted_there.give_back()  # it stays counted until it expires; nothing breaks
    with world.redis() as redis:
        assert 0 < redis.ttl(key) <= 900


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 second."), (1, "1 second."), (119, "119 seconds."), (120, "2 minutes."), (899, "15 minutes.")],
)
def test_a_refusal_says_when_to_come_back(seconds, said):
    assert str(Throttled(seconds)) == f"Too many attempts: try again in {said}"
