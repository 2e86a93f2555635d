from rest_framework import serializers

from admin_panel.models import AdminSetting, AuditLog, Configuration, Report, SystemMetric


class AuditLogSerializer(serializers.ModelSerializer[AuditLog]):
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
        ]


class ReportSerializer(serializers.ModelSerializer[Report]):
    """Where the file lies is the server's own affair; ``ready`` says that there is one."""

    ready = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = ["id", "name", "type", "parameters", "generated_by", "generated_at", "ready"]

    def get_ready(self, report: Report) -> bool:
        return report.file_path is not None


class SystemMetricSerializer(serializers.ModelSerializer[SystemMetric]):
    class Meta:
        model = SystemMetric
        fields = ["id", "metric_name", "metric_value", "tags", "recorded_at"]


class AdminSettingSerializer(serializers.ModelSerializer[AdminSetting]):
    class Meta:
        model = AdminSetting
        fields = ["id", "key", "value", "description", "updated_by", "updated_at"]


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
