"""System metrics of the last day, each half-hour: what the panel's charts of the platform's health are drawn from."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from admin_panel.metrics import declared
from admin_panel.metrics.declared import Sample
from admin_panel.models import SystemMetric
from admin_panel.tests.factories import SystemMetricFactory
from exchanger.demo.ids import demo_id, stream
from exchanger.demo.plan import Plan
from exchanger.kernel.contexts import Context

_STEP: Final = timedelta(minutes=30)
_STEPS: Final = 48
_MEGABYTE: Final = 1_000_000
_SIZES: Final = {"identity": (11, 0.004), "web": (24, 0.06), "admin": (19, 0.03), "bot": (13, 0.02)}  # MB, more a step
_TABLES: Final = {  # likewise, of the large ones
    ("web", "transactions"): (6, 0.02),
    ("web", "analytics_events"): (4, 0.015),
    ("web", "orders"): (3, 0.01),
    ("admin", "system_metrics"): (5, 0.02),
    ("bot", "messages"): (2, 0.008),
}
_LOOKUPS: Final = (3_000, 5_000)  # of half an hour
_MISSED: Final = (0.03, 0.09)  # of them


def health_metrics(plan: Plan) -> Iterator[SystemMetric]:
    """Up to the last whole half-hour before the plan's moment."""
    last = plan.anchor - timedelta(
        minutes=plan.anchor.minute % 30, seconds=plan.anchor.second, microseconds=plan.anchor.microsecond
    )
    chances = stream("health", last.isoformat())
    hits = misses = 0
    for step in range(_STEPS):
        at = last - _STEP * (_STEPS - 1 - step)
        lookups = chances.randint(*_LOOKUPS)
        missed = round(lookups * chances.uniform(*_MISSED))
        hits, misses = hits + lookups - missed, misses + missed
        late = chances.randint(2, 20) if chances.random() < 0.15 else 0
        samples = [
            *(
                declared.DATABASE_SIZE.sample(round((size + more * step) * _MEGABYTE), database=alias)
                for alias, (size, more) in _SIZES.items()
            ),
            *(
                declared.TABLE_SIZE.sample(round((size + more * step) * _MEGABYTE), database=alias, table=table)
                for (alias, table), (size, more) in _TABLES.items()
            ),
            *(
                declared.JOBS_WAITING.sample(chances.choices((0, 1, 3), (20, 2, 1))[0], context=context.value)
                for context in Context
            ),
            declared.DELIVERIES_OLDEST.sample(late),
            declared.REDIS_HITS.sample(hits),
            declared.REDIS_MISSES.sample(misses),
        ]
        yield from (_row(sample, at) for sample in samples)


def _row(sample: Sample, at: datetime) -> SystemMetric:
    row: SystemMetric = SystemMetricFactory.build(
        id=demo_id("metric", sample.metric.name, at.isoformat(), *sample.tags.values()),
        metric_name=sample.metric.name,
        metric_value=Decimal(sample.value),
        tags=sample.tags,
        recorded_at=at,
    )
    return row
