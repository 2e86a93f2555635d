from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from admin_panel.metrics.declared import Kind
from admin_panel.metrics.series import STEPS
from admin_panel.models import AuditLog, Configuration, Outcome, Report, SystemMetric
from admin_panel.models.audit_log import UNFINISHED
from admin_panel.services.permissions import REASON_LENGTH
from exchanger.kernel.fields import TextField


class AuditLogSerializer(serializers.ModelSerializer[AuditLog]):
    """What was set out to be done, and how it ended."""

    outcome = serializers.ChoiceField(
        [*Outcome.values, UNFINISHED],
        help_text="unfinished: it is under way, or was interrupted, and nothing tells whether it was done.",
    )
    outcome_details = serializers.SerializerMethodField()

    class Meta:
        model = AuditLog
        fields = [
            "id",
            "admin_id",
            "action",
            "resource_type",
            "resource_id",
            "old_values",
            "new_values",
            "ip_address",
            "user_agent",
            "created_at",
            "outcome",
            "outcome_details",
        ]

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": True})
    def get_outcome_details(self, log: AuditLog) -> Any:
        return log.result.details if hasattr(log, "result") else None


class ReportSerializer(serializers.ModelSerializer[Report]):
    """Where the file lies is the server's own affair; ``ready`` says that there is one."""

    ready = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = [
            "id",
            "name",
            "type",
            "parameters",
            "generated_by",
            "generated_at",
            "status",
            "progress",
            "rows_written",
            "problem",
            "finished_at",
            "ready",
        ]

    def get_ready(self, report: Report) -> bool:
        return report.file_path is not None


class SystemMetricSerializer(serializers.ModelSerializer[SystemMetric]):
    class Meta:
        model = SystemMetric
        fields = ["id", "metric_name", "metric_value", "tags", "recorded_at"]


class SeriesPointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="When its step begins.")
    value = serializers.DecimalField(28, 8, help_text="The average of the step; of a counter the last value.")


class SeriesSerializer(serializers.Serializer[Any]):
    tags = serializers.DictField(child=serializers.CharField())
    points = SeriesPointSerializer(many=True)


class MetricSeriesSerializer(serializers.Serializer[Any]):
    """A metric over time, one series for each set of tags; where nothing was recorded is no point."""

    metric_name = serializers.CharField()
    kind = serializers.ChoiceField([kind.value for kind in Kind])
    unit = serializers.CharField(help_text="Empty for a metric that this release does not declare.")
    step = serializers.ChoiceField(list(STEPS))
    series = SeriesSerializer(many=True)


class ConfigurationSerializer(serializers.ModelSerializer[Configuration]):
    class Meta:
        model = Configuration
        fields = [
            "id",
            "application_context",
            "version",
            "document",
            "comment",
            "created_by",
            "created_at",
            "published_at",
        ]


class ReasonSerializer(serializers.Serializer[Any]):
    reason = TextField(max_length=REASON_LENGTH, help_text="For the audit trail.")
