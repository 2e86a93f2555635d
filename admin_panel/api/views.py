"""The operators' own records, to read."""

from django.db.models import QuerySet
from rest_framework.viewsets import ReadOnlyModelViewSet

from admin_panel.adapter import AdminAdapter
from admin_panel.api import filters, serializers
from admin_panel.models import AdminSetting, AuditLog, Configuration, Report, SystemMetric
from identity.api.permissions import ModelPermissions


class AuditLogViewSet(ReadOnlyModelViewSet[AuditLog]):
    """Who did what to which resource, newest first. Nobody changes it."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.AuditLogSerializer
    filterset_class = filters.AuditLogFilter
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[AuditLog]:
        return AdminAdapter().find_audit_logs()


class ReportViewSet(ReadOnlyModelViewSet[Report]):
    """Reports that were asked for, newest first."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.ReportSerializer
    filterset_class = filters.ReportFilter
    ordering = ("-generated_at", "-id")

    def get_queryset(self) -> QuerySet[Report]:
        return AdminAdapter().find_reports()


class SystemMetricViewSet(ReadOnlyModelViewSet[SystemMetric]):
    """Measurements of the platform, newest first."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.SystemMetricSerializer
    filterset_class = filters.SystemMetricFilter
    ordering = ("-recorded_at", "-id")

    def get_queryset(self) -> QuerySet[SystemMetric]:
        return AdminAdapter().find_system_metrics()


class AdminSettingViewSet(ReadOnlyModelViewSet[AdminSetting]):
    """Settings of the operators' panel, by key."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.AdminSettingSerializer
    filterset_class = filters.AdminSettingFilter
    ordering = ("key",)

    def get_queryset(self) -> QuerySet[AdminSetting]:
        return AdminAdapter().find_settings()


class ConfigurationViewSet(ReadOnlyModelViewSet[Configuration]):
    """Every version of each application's configuration document, newest first."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.ConfigurationSerializer
    filterset_class = filters.ConfigurationFilter
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Configuration]:
        return AdminAdapter().find_configurations()
