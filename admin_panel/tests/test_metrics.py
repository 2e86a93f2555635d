"""The system metrics: what a minute records, and what is left of it as it ages."""

import re
import threading
import uuid
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import connections
from django.db.models import Q
from django.utils import timezone
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from admin_panel.cache import AdminCache
from admin_panel.declared_settings import KEEP_FINE, KEEP_HOURLY, KEEP_MINUTES, forget_settings
from admin_panel.jobs import register
from admin_panel.metrics import declared, sources
from admin_panel.metrics.declared import BY_NAME, METRICS, Kind
from admin_panel.models import SystemMetric
from admin_panel.services.metrics import (
    CHUNK,
    metrics_collect,
    metrics_thin,
)
from admin_panel.tests.factories import AdminSettingFactory, SystemMetricFactory
from bot.tests.factories import InboxEventFactory, MessageFactory, NotificationFactory
from exchanger.isolation.acl import rules
from exchanger.kernel.contexts import ALIASES, Context, database_name
from exchanger.local.paths import CHECKOUT
from exchanger.testing.jobs import queue_scheduled
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.tests.factories import EventDeliveryFactory

pytestmark = pytest.mark.context("admin")
# Of no time zone's midnight, and not at the beginning of a chunk.
NOW = datetime(2026, 5, 30, 12, 34, 56, tzinfo=UTC)


def collected(at=None):
    """What is recorded of the minute: metric → {tags: value}."""
    metrics_collect(at=at or timezone.now())
    found = defaultdict(dict)
    for row in SystemMetric.objects.all():
        tags = tuple(row.tags[tag] for tag in BY_NAME[row.metric_name].tags)
        found[row.metric_name.removeprefix("exchanger_")][tags] = row.metric_value
    return found


def series(name="exchanger_jobs_waiting"):
    rows = SystemMetric.objects.filter(metric_name=name).order_by("recorded_at")
    return [(row.recorded_at, row.metric_value) for row in rows]


def everything():
    """What is recorded of the series that each minute has, whatever the servers happen to do in it."""
    rows = SystemMetric.objects.exclude(metric_name=declared.TABLE_SIZE.name).exclude(
        Q(metric_name=declared.CONNECTIONS.name) & ~Q(tags__state__in=sources.STATES)
    )
    return sorted(rows.values_list("metric_name", "tags__context", "recorded_at", "metric_value"))


# --- What is declared


def test_names_are_prometheus_and_end_with_their_unit():
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("exchanger_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        for unit in ("bytes", "seconds"):
            assert (metric.unit == unit) == metric.name.endswith(f"_{unit}")
        assert metric.help.endswith(".")


def test_a_sample_has_the_tags_that_are_declared():
    assert declared.SESSIONS.sample(1, context="web").tags == {"context": "web"}
    with pytest.raises(ValueError, match="has the tags"):
        declared.SESSIONS.sample(1, database="web")
    with pytest.raises(ValueError, match="has the tags"):
        declared.SESSIONS.sample(1)


def test_the_document_lists_what_is_declared_as_it_is_declared():
    document = (CHECKOUT / "docs" / "metrics.md").read_text()
    listed = re.findall(r"^\| `(exchanger_\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", document, re.MULTILINE)
    assert listed == [
        (metric.name, metric.kind.value, ", ".join(metric.tags) or "–", metric.help) for metric in METRICS
    ]


def test_the_document_names_the_settings_and_their_defaults():
    document = (CHECKOUT / "docs" / "metrics.md").read_text()
    for setting in (KEEP_MINUTES, KEEP_FINE, KEEP_HOURLY):
        assert f"`{setting.key}` ({setting.default})" in document


# --- What a minute records


def test_a_minute_of_an_empty_platform_is_whole_and_only_what_is_declared():
    found = collected()
    lag = {declared.REPLICATION_LAG_BYTES, declared.REPLICATION_LAG_SECONDS}
    conditional = {*lag, declared.TABLE_SIZE, declared.OLD_SESSIONS}
    told = {BY_NAME[f"exchanger_{name}"] for name in found}
    assert told | conditional == set(METRICS)
    assert not told & {*lag, declared.OLD_SESSIONS}  # there is no replica, and was no older platform
    assert set(found["metrics_source_up"].values()) == {1}
    assert {tags[0] for tags in found["metrics_source_up"]} == set(sources.sources())
    for row in SystemMetric.objects.all():
        assert set(row.tags) == set(BY_NAME[row.metric_name].tags)
        assert (row.recorded_at.second, row.recorded_at.microsecond) == (0, 0)


def test_databases_are_as_large_as_postgresql_says_and_connections_are_counted(world):
    with psycopg.connect(world.environments.for_process("web")["WEB_DATABASE_URL"]) as held:
        held.execute("SELECT 1")  # in a transaction now
        found = collected()
    for alias in ALIASES:
        [size] = world.superuser(alias).execute("SELECT pg_database_size(current_database())").fetchone()
        assert abs(found["database_size_bytes"][alias,] - size) < 5_000_000
        assert found["database_connections"][alias, "active"] >= 1  # the collection's own
    assert found["database_connections"]["web", "idle in transaction"] == 1
    assert found["database_connections"]["bot", "idle in transaction"] == 0


LARGEST_TABLE = """
SELECT relname, pg_total_relation_size(relid) AS size FROM pg_stat_user_tables
WHERE schemaname = 'public' ORDER BY size DESC, relname LIMIT 1
"""


def test_large_tables_are_measured_the_largest_first_and_others_are_not(world, monkeypatch):
    monkeypatch.setattr(sources, "MOST_TABLES", 1)
    world.superuser("bot").execute(
        "INSERT INTO bot_state (key, value)"
        " SELECT n::text, to_jsonb(repeat(md5(n::text), 40)) FROM generate_series(1, 3000) n"
    )
    large = set()
    for alias in ALIASES:
        [table, size] = world.superuser(alias).execute(LARGEST_TABLE).fetchone()
        if size >= sources.LARGE_BYTES:
            large.add((alias, table))  # it may have grown large in the tests before
    found = collected()["table_size_bytes"]
    assert found.keys() == large
    assert [size >= sources.LARGE_BYTES for (alias, _), size in found.items() if alias == "bot"] == [True]


def test_sessions_are_counted_by_context(as_context):
    user = UserFactory()
    for context in ("web", "web", "telegram"):
        with as_context(context):
            session_open(user=user)
    assert collected()["sessions_live"] == {("web",): 2, ("admin",): 0, ("telegram",): 1}


def test_sessions_of_an_older_platform_are_counted_by_context_and_way(world):
    user = UserFactory()
    for number, (context, way) in enumerate([("web", "import"), ("web", "import"), ("telegram", "visit")]):
        world.superuser("identity").execute(
            "INSERT INTO old_sessions (id, user_id, application_context, way) VALUES (%s, %s, %s, %s)",
            (f"old-{number}", user.pk, context, way),
        )
    assert collected()["old_sessions_moved"] == {("web", "import"): 2, ("telegram", "visit"): 1}


def test_the_queue_of_every_context_is_measured_and_nothing_else_of_it_is_readable(world):
    queue_scheduled(world.superuser("web"), "orders.expire")
    queue_scheduled(world.superuser("web"), "quotes.purge")
    world.superuser("web").execute(
        "UPDATE procrastinate_events SET at = now() - interval '5 minutes'"
        " WHERE job_id = (SELECT min(id) FROM procrastinate_jobs)"
    )
    queue_scheduled(world.superuser("bot"), "cache.replay")
    queue_scheduled(world.superuser("bot"), "sessions.purge")
    server = world.superuser("bot")
    server.execute("UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 hour' WHERE task_name LIKE 'c%'")
    server.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour' WHERE task_name LIKE 's%'")
    found = collected()
    assert found["jobs_waiting"] == {("web",): 2, ("admin",): 0, ("telegram",): 1}
    oldest = found["jobs_oldest_waiting_seconds"]
    assert 300 <= oldest["web",] < 400
    assert 3600 <= oldest["telegram",] < 3700
    assert oldest["admin",] == 0
    with pytest.raises(Exception, match="permission denied"), connections["web"].cursor() as cursor:
        cursor.execute("SELECT * FROM procrastinate_jobs")


def test_what_waits_between_the_applications_is_measured():
    now = timezone.now()
    EventDeliveryFactory(created_at=now - timedelta(minutes=10))
    EventDeliveryFactory(created_at=now - timedelta(minutes=90), delivered_at=now)
    InboxEventFactory(received_at=now - timedelta(minutes=20))
    InboxEventFactory(received_at=now - timedelta(minutes=30), handled_at=now)
    found = collected(now)
    assert found["event_deliveries_waiting"][()] == found["event_inbox_waiting"][()] == 1
    assert 590 < found["event_deliveries_oldest_seconds"][()] < 610
    assert 1190 < found["event_inbox_oldest_seconds"][()] < 1210


def test_notifications_that_wait_and_those_of_the_minute_before():
    now = timezone.now()
    NotificationFactory(created_at=now - timedelta(minutes=3))
    NotificationFactory(created_at=now - timedelta(hours=3), dead_at=now)
    for ago in (1, 59, 61):
        NotificationFactory(sent=True, created_at=now - timedelta(hours=1), sent_at=now - timedelta(seconds=ago))
    found = collected(now)
    assert found["notifications_waiting"][()] == 1
    assert 175 < found["notifications_oldest_seconds"][()] < 185
    assert found["notifications_sent_last_minute"][()] == 2


def test_what_the_bot_said_in_the_minute_before():
    now = timezone.now()
    for direction, ago in (("out", 1), ("out", 59), ("out", 61), ("in", 2)):
        MessageFactory(content={"direction": direction}, sent_at=now - timedelta(seconds=ago))
    assert collected(now)["bot_messages_sent_last_minute"][()] == 2


def test_redis_counts_are_the_servers_own(world):
    with world.redis() as client:
        client.set("identity:session:web:x", 1)
        before = client.info("stats")
        client.get("identity:session:web:x")
        client.get("identity:session:web:y")
        found = collected()
        after = client.info("stats")
    for name in ("hits", "misses"):
        counted = found[f"redis_keyspace_{name}_total"][()]
        assert before[f"keyspace_{name}"] + 1 <= counted <= after[f"keyspace_{name}"]
    assert found["redis_keys"][()] == 1
    assert found["redis_memory_used_bytes"][()] > 100_000


def test_to_redis_a_read_that_asked_postgresql_is_a_miss_and_a_hit(world):
    """The lease that it left is looked up again before the value takes its place; docs/metrics.md says so."""
    with world.redis() as client:
        before = client.info("stats")
        AdminCache().get_system_metrics("m")
        cold = client.info("stats")
        AdminCache().get_system_metrics("m")
        warm = client.info("stats")

    def more(earlier, later):
        return tuple(later[f"keyspace_{name}"] - earlier[f"keyspace_{name}"] for name in ("hits", "misses"))

    assert more(before, cold) == (1, 1)
    assert more(cold, warm) == (1, 0)


# --- What does not answer


def test_without_redis_the_rest_is_recorded_and_nothing_is_made_up(broken_redis):
    found = collected()
    assert not [name for name in found if name.startswith("redis_")]
    assert found["metrics_source_up"]["redis",] == 0
    assert [tags for tags, up in found["metrics_source_up"].items() if not up] == [("redis",)]
    assert found["sessions_live"]


def test_without_a_database_the_others_are_recorded(world):
    server = world.superuser("admin")
    server.execute(f"REVOKE CONNECT ON DATABASE {database_name('web')} FROM exchanger_admin")
    connections["web"].close()
    try:
        found = collected()
    finally:
        server.execute(f"GRANT CONNECT ON DATABASE {database_name('web')} TO exchanger_admin")
    down = {tags[0] for tags, up in found["metrics_source_up"].items() if not up}
    assert down == {"size:web", "connections:web", "replicas:web", "jobs:web", "deliveries"}
    assert {tags[0] for tags in found["database_size_bytes"]} == {"identity", "admin", "bot"}
    assert "event_deliveries_waiting" not in found
    assert found["redis_keys"]


@contextmanager
def replicas(server, *rows):
    """The server's list of replicas is made to hold these: a standby of its own would take a test a minute."""
    server.execute(
        "CREATE SCHEMA fake; CREATE VIEW fake.pg_stat_replication AS SELECT * FROM (VALUES"
        f" {', '.join(rows)}) AS made (application_name, pid, replay_lsn, replay_lag);"
        "GRANT USAGE ON SCHEMA fake TO PUBLIC; ALTER FUNCTION list_replicas() SET search_path = fake, pg_catalog"
    )
    try:
        yield
    finally:
        server.execute("ALTER FUNCTION list_replicas() SET search_path = pg_catalog, pg_temp; DROP SCHEMA fake CASCADE")


def test_a_replica_is_told_with_how_far_it_is_behind(world):
    with replicas(world.superuser("web"), "('standby', 7, '0/0'::pg_lsn, interval '3 seconds')"):
        found = collected()
    assert found["replication_lag_seconds"] == {("web", "standby"): 3}
    assert found["replication_lag_bytes"]["web", "standby"] > 0


def test_of_replicas_of_one_name_the_one_furthest_behind_is_told(world):
    """PostgreSQL calls every standby ``walreceiver`` that was given no name."""
    in_time, behind = (
        "('walreceiver', 7, 'FFFFFFFF/0'::pg_lsn, NULL)",
        "('walreceiver', 8, '0/0'::pg_lsn, interval '3 seconds')",
    )
    with replicas(world.superuser("web"), in_time, behind):
        found = collected()
    assert found["replication_lag_seconds"] == {("web", "walreceiver"): 3}
    assert found["replication_lag_bytes"]["web", "walreceiver"] > 0


# --- Once a minute


def test_a_minute_is_recorded_once_whoever_records_it_again():
    at = timezone.now().replace(second=10)
    metrics_collect(at=at)
    first = everything()
    metrics_collect(at=at.replace(second=50))
    again = everything()
    assert [row[:3] for row in again] == [row[:3] for row in first]
    metrics_collect(at=at + timedelta(minutes=1))
    assert len(everything()) == 2 * len(first)


def test_two_workers_at_once_record_a_minute_once():
    at = timezone.now()
    metrics_collect(at=at - timedelta(hours=1))
    once = len(everything())
    together = threading.Barrier(2)

    def work():
        try:
            together.wait()
            metrics_collect(at=at)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = everything()
    assert len(rows) == 2 * once
    assert len({row[:3] for row in rows if row[0] == "exchanger_jobs_waiting"}) == 2 * len(Context)


def test_the_schedule_records_the_minute_in_which_the_job_runs():
    scheduled = App(connector=InMemoryConnector())
    register(scheduled)
    before = timezone.now()
    scheduled.tasks["metrics.collect"].func(0)  # as if it had been due in 1970
    scheduled.tasks["metrics.thin"].func(0)
    moments = set(SystemMetric.objects.values_list("recorded_at", flat=True))
    assert moments <= {moment.replace(second=0, microsecond=0) for moment in (before, timezone.now())}
    assert len(moments) == 1


# --- As it ages


def minutes(count, *, ago, value=lambda n: n, **fields):
    """A row in each of ``count`` minutes that begin ``ago`` before NOW."""
    first = (NOW - ago).replace(second=0, microsecond=0)
    for n in range(count):
        SystemMetricFactory(recorded_at=first + timedelta(minutes=n), metric_value=value(n), **fields)


def of_web(name="exchanger_jobs_waiting"):
    return {"metric_name": name, "tags": {"context": "web"}}


def test_of_old_minutes_five_become_one_the_average():
    start = datetime(2026, 5, 27, 6, tzinfo=UTC)  # a whole chunk that ended 48 hours before NOW
    minutes(12, ago=NOW - start, **of_web())
    assert metrics_thin(now=NOW) == 9
    assert series() == [(start, 2), (start + timedelta(minutes=5), 7), (start + timedelta(minutes=10), Decimal("10.5"))]


def test_of_a_counter_the_last_value_stays():
    start = datetime(2026, 5, 27, 6, tzinfo=UTC)
    minutes(10, ago=NOW - start, metric_name="exchanger_redis_keyspace_hits_total", tags={})
    metrics_thin(now=NOW)
    found = series("exchanger_redis_keyspace_hits_total")
    assert found == [(start, 4), (start + timedelta(minutes=5), 9)]


def test_series_are_not_mixed():
    start = datetime(2026, 5, 27, 6, tzinfo=UTC)
    for context, value in (("web", 1), ("telegram", 3)):
        tags = {"context": context}
        minutes(5, ago=NOW - start, value=lambda n, v=value: v, metric_name="exchanger_jobs_waiting", tags=tags)
    minutes(5, ago=NOW - start, value=lambda n: 7, metric_name="orders.created", tags=None)
    metrics_thin(now=NOW)
    found = SystemMetric.objects.values_list("metric_name", "tags", "metric_value").order_by("metric_value")
    assert list(found) == [
        ("exchanger_jobs_waiting", {"context": "web"}, 1),
        ("exchanger_jobs_waiting", {"context": "telegram"}, 3),
        ("orders.created", None, 7),
    ]


def test_older_ones_become_one_an_hour_and_a_year_later_nothing():
    month_ago = datetime(2026, 4, 20, tzinfo=UTC)
    minutes(90, ago=NOW - month_ago, **of_web())
    minutes(3, ago=timedelta(days=367), **of_web())
    assert metrics_thin(now=NOW) == 91
    assert series() == [(month_ago, Decimal("29.5")), (month_ago + timedelta(hours=1), Decimal("74.5"))]


def test_young_minutes_are_left_alone():
    minutes(10, ago=timedelta(hours=47), **of_web())
    before = everything()
    assert metrics_thin(now=NOW) == 0
    assert everything() == before


def test_thinning_again_changes_nothing():
    minutes(30, ago=timedelta(days=3), **of_web())
    minutes(90, ago=timedelta(days=40), **of_web())
    assert metrics_thin(now=NOW) > 0
    once = sorted(SystemMetric.objects.values_list("pk", "metric_value", "recorded_at"))
    assert metrics_thin(now=NOW) == 0
    assert sorted(SystemMetric.objects.values_list("pk", "metric_value", "recorded_at")) == once


def test_who_is_stopped_midway_has_lost_and_doubled_nothing():
    """Each chunk is whole or untouched; the next run comes to what one run would have."""
    for days in (4, 5, 6):
        minutes(10, ago=timedelta(days=days), **of_web())
    before = everything()
    left = 2

    def stop(execute, sql, params, many, context):
        nonlocal left
        if "date_bin" in sql:
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
        return execute(sql, params, many, context)

    with connections["admin"].execute_wrapper(stop), pytest.raises(KeyboardInterrupt):
        metrics_thin(now=NOW)
    halfway = everything()
    assert set(halfway[-10:]) <= set(before)  # the youngest has not been come to
    metrics_thin(now=NOW)
    assert [value for _, value in series()] == [0, 3, Decimal("7.5")] * 3


def test_an_error_within_a_chunk_leaves_it_as_it_was(world):
    minutes(10, ago=timedelta(days=3), **of_web())
    before = everything()
    world.superuser("admin").execute("REVOKE INSERT ON system_metrics FROM exchanger_admin")
    try:
        with pytest.raises(Exception, match="permission denied"):
            metrics_thin(now=NOW)
        assert everything() == before
    finally:
        world.superuser("admin").execute("GRANT INSERT ON system_metrics TO exchanger_admin")


def test_two_thinnings_at_once_double_nothing():
    minutes(60, ago=timedelta(days=3), **of_web())
    together = threading.Barrier(2)

    def work():
        try:
            together.wait()
            metrics_thin(now=NOW)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    moments = [at for at, _ in series()]
    assert len(moments) == len(set(moments)) == 13


def test_the_settings_say_how_long_and_nonsense_says_nothing():
    minutes(10, ago=timedelta(hours=20), **of_web())
    AdminSettingFactory(key="metrics.keep_minutes_hours", value=0)
    forget_settings()
    assert metrics_thin(now=NOW) == 0
    AdminSettingFactory(key="metrics.keep_fine_days", value="soon")
    forget_settings()
    assert metrics_thin(now=NOW) == 0
    SystemMetric.objects.all().delete()
    minutes(10, ago=timedelta(hours=20), **of_web())
    with connections["admin"].cursor() as cursor:
        cursor.execute("UPDATE admin_settings SET value = '1' WHERE key = 'metrics.keep_minutes_hours'")
    forget_settings()
    assert metrics_thin(now=NOW) == 7


def test_the_chunks_hold_whole_steps():
    assert CHUNK % timedelta(hours=1) == timedelta(0)


def test_a_large_database_fits():
    row = SystemMetricFactory(metric_name="exchanger_database_size_bytes", metric_value=Decimal(10) ** 15)
    row.refresh_from_db()
    assert row.metric_value == Decimal(10) ** 15


def test_the_ids_are_not_random():
    at = timezone.now()
    metrics_collect(at=at)
    assert {uuid.UUID(str(row.pk)).version for row in SystemMetric.objects.all()} == {5}


def test_the_acl_gives_info_to_admin_alone():
    assert [context for context in Context if "+info" in rules(context)] == [Context.ADMIN]
