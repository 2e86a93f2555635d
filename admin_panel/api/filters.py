"""What the lists of the API can be narrowed by. Whole values and periods; text with a NUL is refused by the forms."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django_filters import rest_framework as filters

from admin_panel.adapter import OUTCOMES, with_outcome
from admin_panel.metrics.series import STEPS
from admin_panel.models import AuditLog, Configuration, Report, ReportStatus, SystemMetric
from exchanger.kernel.contexts import Context
from exchanger.kernel.filters import MomentField, MomentFilter


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


class TagsField(forms.Field):
    """``database:web,state:idle``: tags with their values."""

    def to_python(self, value: Any) -> dict[str, str]:
        pairs = [pair.partition(":") for pair in str(value).split(",")] if value else []
        if not all(tag and held and "\0" not in tag + held for tag, _, held in pairs):
            raise forms.ValidationError("Give tags with their values, like database:web,state:idle.", code="invalid")
        return {tag: held for tag, _, held in pairs}


class TagsFilter(filters.CharFilter):
    field_class = TagsField


class MetricSeriesForm(forms.Form):
    """The query of a metric's series."""

    metric_name = forms.CharField(max_length=255)
    since = MomentField(required=False)
    until = MomentField(required=False)
    step = forms.ChoiceField(choices=[(name, name) for name in STEPS], required=False)
    tags = TagsField(required=False)


class SystemMetricFilter(filters.FilterSet):
    metric_name = filters.CharFilter()
    tags = TagsFilter(lookup_expr="contains", help_text="Tags with their values, like database:web,state:idle.")
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
