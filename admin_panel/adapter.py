"""Every read of the operators' own database, bound to the admin context."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Count, Min, QuerySet
from psycopg.types.json import Jsonb

from admin_panel.metrics.declared import COUNTERS, REDIS_HITS, REDIS_MISSES
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
from bot.models import InboxEvent
from exchanger.kernel.cache.codec import decode
from exchanger.kernel.contexts import SPECS, Context, require
from web.models import EventDelivery
from web.models.delivery import Backlog

OUTCOMES = [*Outcome.choices, (UNFINISHED, "Unfinished")]
_SERIES = """
SELECT metric_name, coalesce(tags, '{}'), date_bin(%(step)s, recorded_at, timestamptz 'epoch') AS step,
    CASE WHEN metric_name = ANY(%(counters)s)
        THEN (array_agg(metric_value ORDER BY recorded_at DESC))[1] ELSE round(avg(metric_value), 8)
    END
FROM system_metrics
WHERE metric_name = ANY(%(names)s) AND recorded_at >= %(since)s AND recorded_at < %(until)s
    AND metric_value IS NOT NULL AND coalesce(tags, '{}') @> %(tags)s
GROUP BY metric_name, tags, step ORDER BY metric_name, tags, step
"""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """What a series was worth in the step that begins ``at`` (aware): the average, of a counter the last value."""

    metric_name: str
    tags: dict[str, str]
    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class RecordedCounts:
    """Redis' counts of look-ups, as they were recorded ``at`` (aware)."""

    at: datetime
    hits: int
    misses: int


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

    def find_latest_metrics(self, clock: str) -> QuerySet[SystemMetric]:
        """Everything of the minute in which ``clock``, a metric that no minute is without, was recorded last."""
        latest = SystemMetric.objects.filter(metric_name=clock).order_by("-recorded_at").values("recorded_at")[:1]
        return SystemMetric.objects.filter(recorded_at=latest)

    def find_metric_series(
        self,
        names: Iterable[str],
        *,
        since: datetime,
        until: datetime,
        step: timedelta,
        tags: Mapping[str, str] | None = None,
    ) -> list[SeriesPoint]:
        """The series of these metrics from ``since`` until ``until`` (aware), a point in each ``step``, oldest first.

        Only those series whose tags have all of ``tags``; a step in which nothing was recorded has no point.
        """
        values: dict[str, Any] = {"names": list(names), "counters": COUNTERS, "tags": Jsonb(dict(tags or {}))}
        with connections[SPECS[self.context].alias].cursor() as cursor:
            cursor.execute(_SERIES, values | {"since": since, "until": until, "step": step})
            return [SeriesPoint(name, decode(held), at, value) for name, held, at, value in cursor.fetchall()]

    def find_redis_counts(self, *, since: datetime) -> RecordedCounts | None:
        """The first of Redis' counts that was recorded from ``since`` (aware) on."""
        names = (REDIS_HITS.name, REDIS_MISSES.name)
        rows = SystemMetric.objects.filter(metric_name__in=names, recorded_at__gte=since).order_by("recorded_at")[:2]
        values = {row.metric_name: int(row.metric_value or 0) for row in rows}
        if len(values) < len(names) or rows[0].recorded_at != rows[1].recorded_at:
            return None
        return RecordedCounts(rows[0].recorded_at, values[REDIS_HITS.name], values[REDIS_MISSES.name])

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

    def find_inbox_backlog(self) -> Backlog:
        """How many events telegram has accepted and not handled, and since when."""
        waiting = InboxEvent.objects.filter(handled_at__isnull=True)
        return Backlog(**waiting.aggregate(waiting=Count("pk"), since=Min("received_at")))
