"""The latest minute of the system metrics, for the ``/metrics`` of an admin process."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from admin_panel.adapter import AdminAdapter
from admin_panel.metrics.declared import BY_NAME, SOURCE_UP, Kind, Metric
from admin_panel.models import SystemMetric

logger = logging.getLogger(__name__)

STALE_AFTER = timedelta(minutes=5)
RECORDED_AT = "exchanger_metrics_recorded_timestamp_seconds"
Family = GaugeMetricFamily | CounterMetricFamily


class LatestSystemMetrics(Collector):
    """One statement. Of values older than STALE_AFTER it tells only when they were recorded: they are not of now."""

    def collect(self) -> Iterator[Family]:
        try:
            recorded = list(AdminAdapter().find_latest_metrics(SOURCE_UP.name))
        except DatabaseError:
            logger.exception("The system metrics could not be read")
            return
        if not recorded:
            return
        at = recorded[0].recorded_at
        yield GaugeMetricFamily(RECORDED_AT, "When the system metrics were last recorded.", value=at.timestamp())
        if timezone.now() - at <= STALE_AFTER:
            yield from _families(recorded)


def _families(recorded: list[SystemMetric]) -> Iterator[Family]:
    families: dict[Metric, Family] = {}
    for row in recorded:
        metric, tags = BY_NAME.get(row.metric_name), row.tags or {}
        if metric is None or row.metric_value is None or set(tags) != set(metric.tags):
            continue  # another release's
        if metric not in families:
            family = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            families[metric] = family(metric.name, metric.help, labels=metric.tags)
        families[metric].add_metric([tags[tag] for tag in metric.tags], float(row.metric_value))
    yield from families.values()
