"""The operators' own records, to read."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from admin_panel.adapter import AdminAdapter
from admin_panel.api import filters, serializers
from admin_panel.metrics.series import DEFAULT_LENGTH, MOST_POINTS, STEPS, SeriesRefused, metric_series
from admin_panel.models import AuditLog, SystemMetric
from exchanger.kernel.filters import refuse_empty
from exchanger.kernel.schema import refuses
from identity.api.permissions import ModelPermissions

SERIES = [
    OpenApiParameter("metric_name", str, required=True, description="Such as exchanger_database_size_bytes."),
    OpenApiParameter("since", datetime, description="ISO 8601; 24 hours before until where it is left out."),
    OpenApiParameter("until", datetime, description="ISO 8601, exclusive; now where it is left out."),
    OpenApiParameter("step", str, enum=list(STEPS), description=f"5minutes by default; at most {MOST_POINTS} steps."),
    OpenApiParameter("tags", str, description="Tags with their values, like database:web,state:idle."),
]


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

    @extend_schema(parameters=SERIES, responses={200: serializers.MetricSeriesSerializer}, filters=False)
    @refuses(SeriesRefused)
    @action(detail=False, pagination_class=None, filter_backends=[])
    def series(self, request: Request) -> Response:
        """One metric over time, ready for a chart."""
        refuse_empty(request, filters.MetricSeriesForm.base_fields)
        form = filters.MetricSeriesForm(request.query_params)
        if not form.is_valid():
            raise ValidationError(
                {name: [str(problem) for problem in problems] for name, problems in form.errors.items()}
            )
        asked = form.cleaned_data
        until = asked["until"] or timezone.now()
        try:
            since = asked["since"] or until - DEFAULT_LENGTH
        except OverflowError as error:  # there is no day before the first
            raise SeriesRefused("range_invalid", SeriesRefused.codes[400]["range_invalid"]) from error
        found = metric_series(
            asked["metric_name"],
            since=since,
            until=until,
            step=asked["step"] or "5minutes",
            tags=asked["tags"],
        )
        return Response(serializers.MetricSeriesSerializer(found).data)
