"""What the lists of the API can be narrowed by. Whole values and periods; text with a NUL is refused by the forms."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from admin_panel.adapter import OUTCOMES, with_outcome
from admin_panel.models import AuditLog, Configuration, Report, ReportStatus, SystemMetric
from exchanger.kernel.contexts import Context
from exchanger.kernel.filters import MomentFilter


class AuditLogFilter(filters.FilterSet):
    admin_id = filters.UUIDFilter(help_text="Who did it.")
    action = filters.CharFilter(help_text="A dotted name such as rate.publish.")
    resource_type = filters.CharFilter()
    resource_id = filters.CharFilter()
    outcome = filters.ChoiceFilter(choices=OUTCOMES, method="filter_outcome")
    created_after = MomentFilter("created_at", lookup_expr="gte", help_text="From this moment on.")
    created_before = MomentFilter("created_at", lookup_expr="lt", help_text="Up to this moment.")

    class Meta:
        model = AuditLog
        fields: list[str] = []

    def filter_outcome(self, logs: QuerySet[AuditLog], name: str, value: str) -> QuerySet[AuditLog]:
        return with_outcome(logs, value)


class ReportFilter(filters.FilterSet):
    type = filters.CharFilter()
    status = filters.ChoiceFilter(choices=ReportStatus.choices)
    generated_by = filters.UUIDFilter(help_text="Who asked for it.")
    generated_after = MomentFilter("generated_at", lookup_expr="gte", help_text="Asked for from this moment on.")
    generated_before = MomentFilter("generated_at", lookup_expr="lt", help_text="Asked for before this moment.")

    class Meta:
        model = Report
        fields: list[str] = []


class SystemMetricFilter(filters.FilterSet):
    metric_name = filters.CharFilter()
    recorded_after = MomentFilter("recorded_at", lookup_expr="gte", help_text="From this moment on.")
    recorded_before = MomentFilter("recorded_at", lookup_expr="lt", help_text="Up to this moment.")

    class Meta:
        model = SystemMetric
        fields: list[str] = []


class ConfigurationFilter(filters.FilterSet):
    application_context = filters.ChoiceFilter(choices=[(context.value, context.value) for context in Context])

    class Meta:
        model = Configuration
        fields: list[str] = []
