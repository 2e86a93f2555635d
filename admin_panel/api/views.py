"""The operators' own records, to read."""

from django.db.models import QuerySet
from rest_framework.viewsets import ReadOnlyModelViewSet

from admin_panel.adapter import AdminAdapter
from admin_panel.api import filters, serializers
from admin_panel.models import AuditLog, SystemMetric
from identity.api.permissions import ModelPermissions


class AuditLogViewSet(ReadOnlyModelViewSet[AuditLog]):
    """Who did what to which resource, newest first. Nobody changes it."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.AuditLogSerializer
    filterset_class = filters.AuditLogFilter
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[AuditLog]:
        return AdminAdapter().find_audit_logs()


class SystemMetricViewSet(ReadOnlyModelViewSet[SystemMetric]):
    """Measurements of the platform, newest first."""

    permission_classes = [ModelPermissions]
    serializer_class = serializers.SystemMetricSerializer
    filterset_class = filters.SystemMetricFilter
    ordering = ("-recorded_at", "-id")

    def get_queryset(self) -> QuerySet[SystemMetric]:
        return AdminAdapter().find_system_metrics()
