"""The reads of the operators' own database."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from admin_panel.adapter import AdminAdapter
from admin_panel.tests.factories import (
    AdminSettingFactory,
    AuditLogFactory,
    ConfigurationFactory,
    ReportFactory,
    SystemMetricFactory,
)
from exchanger.kernel.contexts import Context, ForeignContext, NoContext

pytestmark = pytest.mark.context("admin")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_an_operators_entries_newest_first():
    anna = uuid.uuid4()
    old = AuditLogFactory(admin_id=anna, created_at=NOON)
    new = AuditLogFactory(admin_id=anna, created_at=NOON + timedelta(seconds=1))
    other = AuditLogFactory(created_at=NOON - timedelta(days=1))
    adapter = AdminAdapter()
    assert adapter.context is Context.ADMIN
    assert list(adapter.find_audit_logs(anna)) == [new, old]
    assert list(adapter.find_audit_logs()) == [new, old, other]


def test_the_history_of_one_resource():
    log = AuditLogFactory(resource_type="order", resource_id="7")
    AuditLogFactory(resource_type="payment", resource_id="7")
    AuditLogFactory(resource_type="order", resource_id="8")
    assert list(AdminAdapter().find_resource_history("order", "7")) == [log]


def test_metrics_by_name_and_since():
    old = SystemMetricFactory(recorded_at=NOON)
    new = SystemMetricFactory(recorded_at=NOON + timedelta(hours=1))
    other = SystemMetricFactory(metric_name="orders.paid", recorded_at=NOON)
    adapter = AdminAdapter()
    assert list(adapter.find_system_metrics("orders.created")) == [new, old]
    assert list(adapter.find_system_metrics("orders.created", since=new.recorded_at)) == [new]
    assert list(adapter.find_system_metrics("orders.paid")) == [other]
    assert adapter.find_system_metrics().count() == 3


def test_reports_settings_and_configurations():
    reports = [ReportFactory(generated_at=NOON), ReportFactory(generated_at=NOON + timedelta(days=1))]
    settings = [AdminSettingFactory(key="b"), AdminSettingFactory(key="a")]
    web = ConfigurationFactory(created_at=NOON)
    bot = ConfigurationFactory(application_context="telegram", created_at=NOON + timedelta(days=1))
    adapter = AdminAdapter()
    assert list(adapter.find_reports()) == reports[::-1]
    assert list(adapter.find_settings()) == settings[::-1]
    assert list(adapter.find_configurations()) == [bot, web]
    assert list(adapter.find_configurations(Context.WEB)) == [web]


def test_no_other_context_has_one(as_context):
    for context in ("web", "telegram"):
        with as_context(context), pytest.raises(ForeignContext):
            AdminAdapter()
    with as_context(None), pytest.raises(NoContext):
        AdminAdapter()
