"""The coherent cache: what it costs, how long it keeps, and that Redis is never the truth."""

from datetime import timedelta

import pytest
from django.utils import timezone
from redis.exceptions import RedisError

from exchanger.kernel.cache import access
from exchanger.kernel.cache.connections import LeanClient, ThreadPinnedPool
from exchanger.kernel.cache.leases import LEASE_SECONDS, CoherentCache, Loaded, unlink
from exchanger.kernel.cache.namespaces import RATES

pytestmark = pytest.mark.context("web")
KEY = "cache:web:rates:usd_uah"


class Loader:
    """Counts how often PostgreSQL would have been asked."""

    def __init__(self, found):
        self.found = found
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.found


def calls_of(monitor_before, world):
    with world.redis() as client:
        stats = client.info("commandstats")
    return {
        name: stat["calls"] - monitor_before.get(name, {"calls": 0})["calls"]
        for name, stat in stats.items()
        if name.removeprefix("cmdstat_") in {"get", "set", "unlink", "evalsha", "eval"}
    }


def stats(world):
    with world.redis() as client:
        return client.info("commandstats")


def test_a_warm_read_is_one_command_and_no_load(world):
    load = Loader(Loaded({"rate": "41.5"}))
    cache = CoherentCache(RATES)
    assert cache.get("usd_uah", load) == {"rate": "41.5"}
    before = stats(world)
    assert cache.get("usd_uah", load) == {"rate": "41.5"}
    assert load.calls == 1
    assert {name: calls for name, calls in calls_of(before, world).items() if calls} == {"cmdstat_set": 1}


def test_a_value_lives_as_long_as_its_namespace_and_never_longer_than_it_is_true(world):
    cache = CoherentCache(RATES)
    cache.get("usd_uah", Loader(Loaded(1)))
    cache.get("eur_uah", Loader(Loaded(1, timezone.now() + timedelta(seconds=20))))
    cache.get("gbp_uah", Loader(Loaded(1, timezone.now() - timedelta(seconds=1))))
    with world.redis() as client:
        assert 299_000 < client.pttl(KEY) <= 300_000
        assert 19_000 < client.pttl("cache:web:rates:eur_uah") <= 20_000
        assert not client.exists("cache:web:rates:gbp_uah")


def test_nothing_found_leaves_no_lease_behind(world):
    assert CoherentCache(RATES).get("usd_uah", Loader(None)) is None
    with world.redis() as client:
        assert client.keys("*") == []


def test_a_reader_that_finds_anothers_lease_reads_postgresql_and_caches_nothing(world):
    cache = CoherentCache(RATES)
    lease = cache.lease("usd_uah")
    assert cache.get("usd_uah", Loader(Loaded("mine"))) == "mine"
    with world.redis() as client:
        assert client.get(KEY) == lease.token
        assert 0 < client.ttl(KEY) <= LEASE_SECONDS
    cache.fill(lease, Loaded("theirs"))
    assert cache.get("usd_uah", Loader(None)) == "theirs"


def test_an_invalidation_between_load_and_fill_wins(world):
    def load_while_somebody_writes():
        unlink([RATES.key("usd_uah")])
        return Loaded("old")

    assert CoherentCache(RATES).get("usd_uah", load_while_somebody_writes) == "old"
    with world.redis() as client:
        assert client.keys("*") == []


def test_a_write_through_replaces_the_older_keeps_the_newer_kills_a_lease_and_creates_nothing(world):
    cache = CoherentCache(RATES)

    def write(version):
        cache.write_through("usd_uah", Loaded({"version": version}), version)

    write(1)
    with world.redis() as client:
        assert client.keys("*") == []
    cache.get("usd_uah", Loader(Loaded({"version": 2})))
    write(1)
    assert cache.get("usd_uah", Loader(None)) == {"version": 2}
    write(3)
    assert cache.get("usd_uah", Loader(None)) == {"version": 3}
    unlink([RATES.key("usd_uah")])
    cache.lease("usd_uah")
    write(4)
    with world.redis() as client:
        assert client.keys("*") == []


@pytest.mark.parametrize("damage", [b"", b"null", b"{", b"not JSON", b"\xff"])
def test_a_damaged_value_is_dropped_and_postgresql_answers(damage, world):
    with world.redis() as client:
        client.set(KEY, damage)
    cache, load = CoherentCache(RATES), Loader(Loaded("whole"))
    assert cache.get("usd_uah", load) == "whole"
    with world.redis() as client:
        assert not client.exists(KEY)
    assert cache.get("usd_uah", load) == cache.get("usd_uah", load) == "whole"
    assert load.calls == 2


def test_a_loader_that_fails_leaves_only_a_lease_that_ends_by_itself(world):
    def fail():
        raise RuntimeError("PostgreSQL is down")

    with pytest.raises(RuntimeError):
        CoherentCache(RATES).get("usd_uah", fail)
    with world.redis() as client:
        assert client.get(KEY).startswith(b"lease:")
        assert 0 < client.ttl(KEY) <= LEASE_SECONDS


def test_without_redis_reads_come_from_postgresql_and_an_unlink_says_that_it_failed(settings, monkeypatch):
    pool = ThreadPinnedPool.from_url("unix:///nowhere/valkey.sock", protocol=2, driver_info=None)
    refused = LeanClient(connection_pool=pool)
    monkeypatch.setattr(access, "redis_client", lambda: refused)
    cache = CoherentCache(RATES)
    load = Loader(Loaded("from PostgreSQL"))
    assert cache.get("usd_uah", load) == cache.get("usd_uah", load) == "from PostgreSQL"
    assert load.calls == 2
    assert cache.lease("usd_uah") is None
    assert not cache.write_through("usd_uah", Loaded({"version": 1}), 1)
    with pytest.raises(RedisError):
        unlink([RATES.key("usd_uah")])
