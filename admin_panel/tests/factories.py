import uuid
from decimal import Decimal

import factory

from admin_panel.models import AdminSetting, AuditLog, AuditOutcome, Configuration, Outcome, Report, SystemMetric
from exchanger.testing.factories import OwnedFactory


class AuditLogFactory(OwnedFactory):
    class Meta:
        model = AuditLog

    admin_id = factory.LazyFunction(uuid.uuid4)
    action = "rate.publish"
    resource_type = "exchange_rate"
    resource_id = factory.LazyFunction(lambda: str(uuid.uuid4()))
    new_values = {"rate": "41.50"}
    ip_address = "192.0.2.10"


class AuditOutcomeFactory(OwnedFactory):
    class Meta:
        model = AuditOutcome

    entry = factory.SubFactory(AuditLogFactory)
    outcome = Outcome.DONE


class SystemMetricFactory(OwnedFactory):
    class Meta:
        model = SystemMetric

    metric_name = "orders.created"
    metric_value = Decimal(1)


class ReportFactory(OwnedFactory):
    class Meta:
        model = Report

    name = "Turnover"
    type = "turnover"
    generated_by = factory.LazyFunction(uuid.uuid4)


class AdminSettingFactory(OwnedFactory):
    class Meta:
        model = AdminSetting

    key = factory.Sequence(lambda n: f"setting.{n}")
    value = True
    updated_by = factory.LazyFunction(uuid.uuid4)


class ConfigurationFactory(OwnedFactory):
    class Meta:
        model = Configuration

    application_context = "web"
    version = factory.Sequence(lambda n: n + 1)
    document = {"spread": "0.5"}
    created_by = factory.LazyFunction(uuid.uuid4)
