"""Every read of the operators' own database, bound to the admin context."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from admin_panel.models import (
    AdminSetting,
    AuditLog,
    Configuration,
    OperatorFactor,
    OperatorRecoveryCode,
    Outcome,
    Report,
    ReportStatus,
    SystemMetric,
)
from admin_panel.models.audit_log import UNFINISHED
from exchanger.kernel.contexts import Context, require
from web.models import EventDelivery
from web.models.delivery import Backlog

OUTCOMES = [*Outcome.choices, (UNFINISHED, "Unfinished")]


def with_outcome(logs: QuerySet[AuditLog], outcome: str) -> QuerySet[AuditLog]:
    """Those of ``logs`` that ended as ``outcome``, one of OUTCOMES, says."""
    return logs.filter(result=None) if outcome == UNFINISHED else logs.filter(result__outcome=outcome)


class AdminAdapter:
    """The source document's adapter. What it finds comes newest first.

    Raises:
        ForeignContext, NoContext: made outside an admin process.
    """

    context = Context.ADMIN

    def __init__(self) -> None:
        require(self.context)

    def find_audit_logs(self, admin_id: UUID | None = None) -> QuerySet[AuditLog]:
        """What an operator set out to do, with its outcome; without ``admin_id``, what anybody did."""
        logs = AuditLog.objects.select_related("result").order_by("-created_at", "-id")
        return logs if admin_id is None else logs.filter(admin_id=admin_id)

    def find_resource_history(self, resource_type: str, resource_id: str) -> QuerySet[AuditLog]:
        """What was done to one resource; ``resource_type`` is as ``admin_panel.resources`` spells it."""
        return self.find_audit_logs().filter(resource_type=resource_type, resource_id=resource_id)

    def find_factor(self, user_id: UUID) -> OperatorFactor | None:
        """The second factor that an operator has confirmed."""
        return OperatorFactor.objects.filter(user_id=user_id, confirmed_at__isnull=False).first()

    def count_recovery_codes(self, user_id: UUID) -> int:
        """How many recovery codes an operator has left."""
        return OperatorRecoveryCode.objects.filter(user_id=user_id, used_at=None).count()

    def find_reports(self) -> QuerySet[Report]:
        return Report.objects.order_by("-generated_at", "-id")

    def find_finished_report(self, fingerprint: str, *, since: datetime) -> Report | None:
        """The newest with this fingerprint that was asked for and finished from ``since`` (aware) on."""
        recent = self.find_reports().filter(generated_at__gte=since, status=ReportStatus.DONE)
        return recent.filter(fingerprint=fingerprint, finished_at__gte=since).first()

    def find_system_metrics(
        self, metric_name: str | None = None, *, since: datetime | None = None
    ) -> QuerySet[SystemMetric]:
        """Measurements of one metric, or of all, from ``since`` (aware) on."""
        metrics = SystemMetric.objects.order_by("-recorded_at", "-id")
        if metric_name is not None:
            metrics = metrics.filter(metric_name=metric_name)
        return metrics if since is None else metrics.filter(recorded_at__gte=since)

    def find_settings(self) -> QuerySet[AdminSetting]:
        """All settings, by key."""
        return AdminSetting.objects.order_by("key")

    def find_configurations(self, context: Context | None = None) -> QuerySet[Configuration]:
        """Every version of a context's configuration document, or of all contexts'."""
        versions = Configuration.objects.order_by("-created_at", "-id")
        return versions if context is None else versions.filter(application_context=context)

    def find_event_backlog(self) -> Backlog:
        """How many of web's events wait for the telegram process, and since when."""
        return EventDelivery.objects.backlog()
