"""The operators' own records."""

from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from admin_panel.models import AuditLog, SystemMetric
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column, preview_text
from admin_panel.panel.filters import ExactFilter, OutcomeFilter, PeriodFilter
from admin_panel.panel.history import OUTCOME_LABELS
from admin_panel.panel.money import amount_text
from admin_panel.panel.people import person_column
from admin_panel.resources import resource_type
from identity.models import User

SHORT = 20  # characters of a resource's id


@admin.register(AuditLog)
class AuditLogAdmin(PanelAdmin):
    person_field = "admin_id"
    list_display = ("created_at", "operator", "action", "ended", "resource", "ip_address")
    list_filter = (
        ("created_at", PeriodFilter),
        OutcomeFilter,
        ("resource_type", ExactFilter),
        ("resource_id", ExactFilter),
        ("action", ExactFilter),
    )
    search_fields = ("id", "admin_id")
    search_help_text = "Entry's or person's id, or e-mail"
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "created_at",
        "operator",
        "action",
        "ended",
        "ended_at",
        "details",
        "resource_type",
        "resource_id",
        "old_values",
        "new_values",
        "ip_address",
        "user_agent",
    )

    operator = person_column("Operator")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditLog]:
        found: QuerySet[AuditLog] = super().get_queryset(request)
        return found.select_related("result")

    def of_person(self, person_id: UUID) -> Q:
        """What a person did, and what was done to them or tried with their account."""
        return super().of_person(person_id) | Q(resource_type=resource_type(User), resource_id=str(person_id))

    @column("Resource")
    def resource(self, log: AuditLog) -> SafeString:
        """What it was about; of a long id the beginning, and the whole where the pointer rests."""
        whole = log.resource_id or ""
        shown = whole if len(whole) <= SHORT else f"{whole[:8]}…"
        return format_html('<span title="{}">{} {}</span>', whole, log.resource_type, shown)

    @column("Outcome", labels=OUTCOME_LABELS)
    def ended(self, log: AuditLog) -> str:
        return log.outcome

    @column("Ended at")
    def ended_at(self, log: AuditLog) -> str:
        return f"{log.result.created_at:%Y-%m-%d %H:%M:%S}" if hasattr(log, "result") else "–"

    @column("Details")
    def details(self, log: AuditLog) -> str:
        details = log.result.details if hasattr(log, "result") else None
        return "; ".join(f"{name}: {value}" for name, value in (details or {}).items())


@admin.register(SystemMetric)
class SystemMetricAdmin(PanelAdmin):
    list_display = ("recorded_at", "metric_name", "value", "labels")
    list_filter = (("metric_name", ExactFilter), ("recorded_at", PeriodFilter))
    ordering = ("-recorded_at", "-id")
    fields = ("id", "metric_name", "value", "tags", "recorded_at")

    @column("Value")
    def value(self, metric: SystemMetric) -> str:
        return "–" if metric.metric_value is None else amount_text(metric.metric_value)

    @column("Tags")
    def labels(self, metric: SystemMetric) -> str:
        return "–" if metric.tags is None else preview_text(metric.tags)
