"""What the operators' application caches: measurements, the figures of its first page, and which reports are made."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from admin_panel.adapter import AdminAdapter
from admin_panel.figures import DAYS, PlatformFigures
from admin_panel.health import redis_hits, system_health
from admin_panel.models import SystemMetric
from exchanger.kernel.cache.application import ApplicationCache
from exchanger.kernel.cache.leases import Loaded
from exchanger.kernel.cache.namespaces import METRICS, REPORTS
from exchanger.kernel.contexts import Context

PERIOD = timedelta(hours=24)
FIGURE_PREFIX = "dashboard:"

# What an operator acts on may be a minute old; what is looked at by the month, as old as the namespace allows.
_SOON = timedelta(minutes=1)
_LATER = timedelta(seconds=METRICS.ttl)
_FIGURES: dict[str, tuple[Callable[[PlatformFigures], Any], timedelta]] = {
    "turnover_today": (PlatformFigures.turnover_today, _SOON),
    "queue": (PlatformFigures.queue, _SOON),
    "latest_rates": (PlatformFigures.latest_rates, _SOON),
    "live_sessions": (PlatformFigures.live_sessions, _SOON),
    "deliveries": (PlatformFigures.deliveries, _SOON),
    "redis_hits": (lambda _: redis_hits(), _SOON),
    "conversion": (PlatformFigures.conversion, _LATER),
    "completion": (PlatformFigures.completion, _LATER),
    "system_health": (lambda _: system_health(), timedelta(minutes=5)),
}
# Of the last so many days, as who looks at them asks.
_FIGURES_OF_DAYS: dict[str, tuple[Callable[[PlatformFigures, int], Any], timedelta]] = {
    "orders_by_status": (PlatformFigures.orders_by_status, _SOON),
    "daily_turnover": (PlatformFigures.daily_turnover, _LATER),
}


class AdminCache(ApplicationCache):
    """JSON values under ``cache:admin:metrics:{name}`` and ``cache:admin:reports:{fingerprint}``.

    Without Redis they come from PostgreSQL.

    Raises:
        ForeignContext, NoContext: made outside an admin process.
    """

    context = Context.ADMIN

    def get_system_metrics(self, metric_name: str) -> list[dict[str, Any]]:
        """The metric's measurements of the last 24 hours, newest first, at most 15 minutes old.

        Raises:
            ValueError: no metric that is cached can have this name.
        """
        if metric_name.startswith(FIGURE_PREFIX):
            raise ValueError(f"'{FIGURE_PREFIX}…' names the figures of the dashboard, not a metric.")
        metrics: list[dict[str, Any]] = self._read(METRICS, metric_name, lambda: Loaded(_measurements(metric_name)))
        return metrics

    def get_finished_report(self, fingerprint: str) -> UUID | None:
        """The report that has been made of the same parameters and data within the hour.

        Raises:
            ValueError: no fingerprint is like this.
        """

        def load() -> Loaded | None:
            hour = timedelta(seconds=REPORTS.ttl)
            found = AdminAdapter().find_finished_report(fingerprint, since=timezone.now() - hour)
            if found is None or found.finished_at is None:
                return None
            return Loaded(str(found.pk), expires_at=found.finished_at + hour)

        found: str | None = self._read(REPORTS, fingerprint, load)
        return None if found is None else UUID(found)

    def get_figure(self, name: str, days: int = DAYS) -> dict[str, Any]:
        """A figure of the dashboard: ``value`` as PlatformFigures makes it, and ``asOf`` (ISO 8601, UTC).

        ``days`` is how far back those go that are of as many days as are asked for.
        """
        if name in _FIGURES_OF_DAYS:
            read, life = _FIGURES_OF_DAYS[name]
            return self._figure(f"{name}:{days}", lambda figures: read(figures, days), life)
        return self._figure(name, *_FIGURES[name])

    def _figure(self, ident: str, read: Callable[[PlatformFigures], Any], life: timedelta) -> dict[str, Any]:
        def load() -> Loaded:
            now = timezone.now()
            return Loaded({"asOf": now.isoformat(), "value": read(PlatformFigures())}, expires_at=now + life)

        figure: dict[str, Any] = self._read(METRICS, FIGURE_PREFIX + ident, load)
        return figure


def _measurements(metric_name: str) -> list[dict[str, Any]]:
    found = AdminAdapter().find_system_metrics(metric_name, since=timezone.now() - PERIOD)
    return [_measurement(metric) for metric in found]


def _measurement(metric: SystemMetric) -> dict[str, Any]:
    value = metric.metric_value
    return {
        "id": str(metric.pk),
        "metricName": metric.metric_name,
        "metricValue": None if value is None else format(value, "f"),
        "tags": metric.tags,
        "recordedAt": metric.recorded_at.isoformat(),
    }
