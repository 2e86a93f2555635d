"""How the platform itself does: Redis of the last hour, and the last day as it was measured."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from admin_panel.health import STEP, redis_hits, system_health
from admin_panel.tests.factories import SystemMetricFactory

pytestmark = pytest.mark.context("admin")
HITS, MISSES = "exchanger_redis_keyspace_hits_total", "exchanger_redis_keyspace_misses_total"


def recorded(name, value, *, at, **tags):
    SystemMetricFactory(metric_name=name, metric_value=value, tags=tags, recorded_at=at)


def now_of(world):
    with world.redis() as client:
        stats = client.info("stats")
    return stats["keyspace_hits"], stats["keyspace_misses"]


@pytest.fixture
def looked_up(world):
    """Redis has been asked for something and had it."""
    with world.redis() as client:
        client.set("x", 1)
        client.get("x")
        client.get("y")
    return now_of(world)


def test_the_hits_of_the_last_hour_are_counted_from_the_first_measurement_in_it(looked_up, world):
    hits, misses = looked_up
    at = timezone.now() - timedelta(minutes=59)
    recorded(HITS, hits - 1, at=at)
    recorded(MISSES, misses - 1, at=at)
    recorded(HITS, 0, at=at - timedelta(minutes=2))
    recorded(MISSES, 0, at=at - timedelta(minutes=2))
    recorded(HITS, hits, at=timezone.now())
    found = redis_hits()
    assert found["since"] == at.isoformat()
    now_hits, now_misses = now_of(world)
    assert 1 <= found["hits"] <= now_hits - hits + 1
    assert found["hits"] + 1 <= found["lookups"] <= now_hits + now_misses - hits - misses + 2


@pytest.mark.parametrize("more", [10**9, None])
def test_without_an_older_count_that_can_be_true_it_is_all_that_redis_knows(more, looked_up, world):
    """None was recorded; or one that is higher than now, so Redis was started since."""
    if more is not None:
        recorded(HITS, looked_up[0] + more, at=timezone.now() - timedelta(minutes=5))
        recorded(MISSES, looked_up[1] + more, at=timezone.now() - timedelta(minutes=5))
    found = redis_hits()
    assert found["since"] is None
    assert found["hits"] >= looked_up[0]
    assert found["lookups"] >= sum(looked_up)


def test_a_count_that_is_not_whole_is_none(looked_up):
    recorded(HITS, 0, at=timezone.now() - timedelta(minutes=5))
    assert redis_hits()["since"] is None


def test_redis_that_does_not_answer_has_no_ratio(broken_redis):
    assert redis_hits() == {"answers": False}


def test_half_hours_without_a_measurement_are_empty_and_the_others_averages():
    health = system_health()
    last = datetime.fromisoformat(health["at"][-1])
    assert len(health["at"]) == 48
    assert last <= timezone.now() < last + STEP
    for minutes, size in ((0, 10), (10, 30)):
        recorded("exchanger_database_size_bytes", size, at=last - STEP * 2 + timedelta(minutes=minutes), database="web")
    recorded("exchanger_jobs_waiting", 4, at=last, context="admin")
    recorded("exchanger_jobs_waiting", 5, at=last - timedelta(hours=25), context="admin")
    health = system_health()
    assert health["sizes"] == {"web": [*[None] * 45, 20, None, None]}
    assert health["jobs"] == {"admin": [*[None] * 47, 4]}
    assert health["delivery"] == [None] * 48


def test_the_ratio_of_a_half_hour_is_of_its_own_look_ups_and_none_after_a_restart():
    last = datetime.fromisoformat(system_health()["at"][-1])
    for ago, hits, misses in ((5, 100, 100), (4, 190, 110), (3, 190, 110), (2, 5, 5), (1, 6, 8)):
        recorded(HITS, hits, at=last - STEP * ago)
        recorded(MISSES, misses, at=last - STEP * ago)
    assert system_health()["hit_ratio"][-6:] == [None, 90, None, None, 25, None]


def test_the_largest_tables_come_first_with_their_growth():
    last = datetime.fromisoformat(system_health()["at"][-1])
    for table, before, after in (("orders", 100, 150), ("quotes", 900, 400), ("payments", 7, 7)):
        recorded("exchanger_table_size_bytes", before, at=last - STEP * 40, database="web", table=table)
        recorded("exchanger_table_size_bytes", after, at=last, database="web", table=table)
    assert system_health()["tables"] == [
        {"table": "web.quotes", "bytes": 400, "grown": -500},
        {"table": "web.orders", "bytes": 150, "grown": 50},
        {"table": "web.payments", "bytes": 7, "grown": 0},
    ]


def test_an_empty_platform_has_empty_lines():
    health = system_health()
    assert (health["sizes"], health["jobs"], health["tables"]) == ({}, {}, [])
    assert health["hit_ratio"] == health["delivery"] == [None] * 48


def test_it_is_one_statement_whatever_there_is(statements):
    now = timezone.now()
    for minute in range(5):
        recorded(HITS, minute, at=now - timedelta(minutes=minute))
    sent = statements(system_health)
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 0, "web": 0, "admin": 1, "bot": 0}
    assert len(statements(redis_hits)["admin"]) == 1
