"""What the operators' application keeps in Redis."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from admin_panel.cache import AdminCache
from admin_panel.tests.factories import SystemMetricFactory
from exchanger.kernel.contexts import ForeignContext, NoContext
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
KEY = "cache:admin:metrics:orders.created"


def cached(world, key):
    with world.redis() as client:
        return json.loads(client.get(key)), client.ttl(key)


def test_a_metric_is_its_last_day_newest_first_under_the_source_documents_key(world):
    now = timezone.now()
    old = SystemMetricFactory(metric_value=Decimal("0.1"), recorded_at=now - timedelta(hours=23, minutes=59))
    new = SystemMetricFactory(metric_value=None, tags={"pair": "usd_uah"}, recorded_at=now - timedelta(minutes=1))
    SystemMetricFactory(recorded_at=now - timedelta(hours=24, minutes=1))
    SystemMetricFactory(metric_name="orders.paid")
    found = AdminCache().get_system_metrics("orders.created")
    assert found == [
        {
            "id": str(new.pk),
            "metricName": "orders.created",
            "metricValue": None,
            "tags": {"pair": "usd_uah"},
            "recordedAt": new.recorded_at.isoformat(),
        },
        {
            "id": str(old.pk),
            "metricName": "orders.created",
            "metricValue": "0.10000000",
            "tags": None,
            "recordedAt": old.recorded_at.isoformat(),
        },
    ]
    value, life = cached(world, KEY)
    assert value == found
    assert 0 < life <= 15 * 60


def test_a_warm_metric_takes_no_statement(django_assert_num_queries):
    SystemMetricFactory()
    cache = AdminCache()
    with django_assert_num_queries(1, connection=connections["admin"]):
        first = cache.get_system_metrics("orders.created")
    with django_assert_num_queries(0, connection=connections["admin"]):
        assert cache.get_system_metrics("orders.created") == first


def test_a_figure_is_kept_with_the_time_it_was_read_at(world, django_assert_num_queries):
    OrderFactory(status="paid")
    cache = AdminCache()
    with django_assert_num_queries(1, connection=connections["web"]):
        first = cache.get_figure("queue")
        second = cache.get_figure("queue")
    assert first == second
    assert first["value"][0]["ages"] == [1, 0, 0, 0]
    value, life = cached(world, "cache:admin:metrics:dashboard:queue")
    assert value == first
    assert 0 < life <= 60


def test_without_redis_everything_comes_from_postgresql(broken_redis):
    metric = SystemMetricFactory()
    assert [row["id"] for row in AdminCache().get_system_metrics("orders.created")] == [str(metric.pk)]
    assert AdminCache().get_figure("live_sessions")["value"] == {"web": 0, "admin": 0, "telegram": 0}


def test_a_metric_cannot_take_the_place_of_a_figure(world):
    with pytest.raises(ValueError, match="figures of the dashboard"):
        AdminCache().get_system_metrics("dashboard:queue")
    with world.redis() as client:
        assert client.keys("*") == []


def test_only_an_admin_process_has_it(as_context):
    with as_context("telegram"), pytest.raises(ForeignContext):
        AdminCache()
    with as_context(None), pytest.raises(NoContext):
        AdminCache()
