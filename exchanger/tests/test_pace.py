"""A pace that processes keep together, in Redis and in memory by the same rules: one contract, run on both."""

import threading
from itertools import pairwise

import pytest

from exchanger.kernel.cache import pace as paces
from exchanger.kernel.cache.namespaces import PACE
from exchanger.kernel.cache.pace import SHARE, Grant, MemoryPaces, Pace
from exchanger.testing.outages import frozen_redis

pytestmark = pytest.mark.context("telegram")
SLOW = 5.0  # seconds that a busy machine may take over a few commands


class InRedis:
    def __init__(self, world):
        self._world = world

    def take(self, wanted, *, step, ahead):
        return Pace("x", per_second=1 / step, ahead=ahead).take(wanted)

    def pass_seconds(self, seconds):
        with self._world.redis() as redis:
            left = redis.pttl(PACE.key("x")) - round(seconds * 1000)
            if left > 0:
                redis.pexpire(PACE.key("x"), left)
            else:
                redis.delete(PACE.key("x"))


class InMemory:
    def __init__(self, world):
        self._now = 0.0
        self._paces = MemoryPaces(clock=lambda: self._now)

    def take(self, wanted, *, step, ahead):
        return self._paces.take(PACE.key("x"), step, wanted, ahead)

    def pass_seconds(self, seconds):
        self._now += seconds


@pytest.fixture(params=[InRedis, InMemory])
def store(request, world):
    return request.param(world)


def test_the_first_goes_at_once_and_each_later_one_a_step_after_the_one_before(store):
    assert store.take(1, step=100, ahead=0) == Grant(1, 0)
    grant = store.take(1, step=100, ahead=0)
    assert grant.count == 0
    assert 100 - SLOW < grant.wait <= 100
    store.pass_seconds(100)
    assert store.take(1, step=100, ahead=0) == Grant(1, 0)


def test_as_many_are_promised_as_go_within_the_time_ahead(store):
    assert store.take(50, step=100, ahead=1000) == Grant(11, 0)  # at 0, 100, … 1000
    refused = store.take(50, step=100, ahead=1000)
    assert refused.count == 0
    assert 600 - SLOW < refused.wait <= 600  # then there is room again, and the pace need not pause
    store.pass_seconds(300)
    later = store.take(50, step=100, ahead=1000)
    assert later.count == 3
    assert 800 - SLOW < later.wait <= 800  # after what was promised


def test_fewer_than_the_pace_allows_are_granted_whole(store):
    assert store.take(3, step=100, ahead=1000).count == 3
    assert store.take(3, step=100, ahead=1000).count == 3


def test_time_that_nobody_used_is_not_saved_up(store):
    store.take(1, step=100, ahead=0)
    store.pass_seconds(100_000)
    assert store.take(5, step=100, ahead=0) == Grant(1, 0)


def test_steps_of_less_than_a_millisecond_add_up(world):
    """The key's life is in milliseconds: what is beyond them must not be lost, or the pace would run away."""
    pace = Pace("x", per_second=3000, ahead=1000)
    granted = sum(pace.take(7).count for _ in range(3000))
    assert granted == 21_000
    with world.redis() as redis:
        owed = redis.pttl(PACE.key("x")) / 1000
    assert 7 - SLOW < owed <= 7.001


def test_any_number_of_threads_get_slots_of_their_own(world):
    pace, slots, together = Pace("x", per_second=100, ahead=1000), [], threading.Barrier(4)

    def take():
        together.wait()
        for _ in range(50):
            grant = pace.take(2)
            slots.append(grant)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(slot.count for slot in slots) == 400
    with world.redis() as redis:
        assert 4 - SLOW < redis.pttl(PACE.key("x")) / 1000 <= 4.001
    # Each begins after all that were promised before it; only the time that has passed meanwhile makes up for it.
    starts = sorted(slot.wait for slot in slots)
    assert all(later - earlier < 0.02 + SLOW for earlier, later in pairwise(starts))


def test_paces_do_not_know_each_other(world):
    assert Pace("x", per_second=0.01).take().count == 1
    assert Pace("y", per_second=0.01).take().count == 1


def test_a_pause_holds_every_process_and_never_ends_sooner_for_another(world):
    pace, elsewhere = Pace("x", per_second=100), Pace("x", per_second=100)
    pace.hold(300)
    pace.hold(10)
    paces.in_memory.forget()  # as a process that has not heard of it
    for each in (pace, elsewhere):
        grant = each.take()
        assert grant.count == 0
        assert 300 - SLOW < grant.wait <= 300
    Pace("y", per_second=100).hold(100_000)
    with world.redis() as redis:
        assert redis.ttl(PACE.key("y")) <= PACE.ttl


def test_without_redis_a_process_keeps_its_share_and_the_pauses_that_it_knows_of(world, settings, caplog):
    settings.REDIS_PROBE_SECONDS = 3600
    pace, other = Pace("x", per_second=0.01), Pace("y", per_second=100)
    other.hold(300)
    with frozen_redis(world):
        assert pace.take().count == 1
        refused = pace.take()
        assert refused.count == 0
        assert SHARE * 100 - SLOW < refused.wait <= SHARE * 100
        assert other.take().count == 0
        pace.hold(900)
        assert pace.take().wait > SHARE * 100
    assert "keeps a part of it by itself" in caplog.text


def test_memory_is_bounded(world):
    bounded = MemoryPaces(capacity=10)
    for number in range(100):
        bounded.take(PACE.key(number), 1000, 1, 0)
        bounded.hold(PACE.key(number), 1000)
        assert bounded.held(PACE.key(number))
    assert len(bounded._free_at) <= 10
    assert len(bounded._held_until) <= 10
