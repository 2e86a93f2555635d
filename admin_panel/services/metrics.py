"""System metrics are recorded each minute, thinned as they age, and forgotten. Only workers come here."""

import json
import logging
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from admin_panel.declared_settings import KEEP_FINE, KEEP_HOURLY, KEEP_MINUTES, read_setting
from admin_panel.metrics.declared import COUNTERS, SOURCE_UP, Sample
from admin_panel.metrics.sources import Source, sources
from admin_panel.models import SystemMetric
from admin_panel.services.audit import ALIAS

logger = logging.getLogger(__name__)

FINE = timedelta(minutes=5)
HOURLY = timedelta(hours=1)
CHUNK = timedelta(hours=6)  # of one transaction; a multiple of both steps
DELETE_BATCH = 5_000

_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_SERIES = uuid.UUID("7b1e6d1c-0d0a-5c43-9d0e-2f4f0b1f6a11")  # the namespace of measurements' ids
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('exchanger metrics thinning'))"
# A step that holds one row, at its beginning, has been thinned; running over it again changes nothing.
_THIN = """
WITH measured AS (
    SELECT id, metric_name, tags, metric_value, recorded_at, date_bin(%(step)s, recorded_at, %(epoch)s) AS step
    FROM system_metrics WHERE recorded_at >= %(first)s AND recorded_at < %(last)s
), thinned AS (
    SELECT metric_name, tags, step,
        CASE WHEN metric_name = ANY(%(counters)s)
            THEN (array_agg(metric_value ORDER BY recorded_at DESC, id DESC))[1] ELSE round(avg(metric_value), 8)
        END AS value
    FROM measured GROUP BY metric_name, tags, step
    HAVING count(*) > 1 OR min(recorded_at) <> step
), removed AS (
    DELETE FROM system_metrics WHERE id IN (
        SELECT m.id FROM measured m JOIN thinned t ON (t.metric_name, t.step) = (m.metric_name, m.step)
            AND t.tags IS NOT DISTINCT FROM m.tags
    ) RETURNING id
), added AS (
    INSERT INTO system_metrics (metric_name, metric_value, tags, recorded_at)
    SELECT metric_name, value, tags, step FROM thinned RETURNING id
)
SELECT (SELECT count(*) FROM removed) - (SELECT count(*) FROM added)
"""
_DELETE = """
DELETE FROM system_metrics WHERE id IN (
    SELECT id FROM system_metrics WHERE recorded_at < %s ORDER BY recorded_at LIMIT %s
)
"""


def metrics_collect(*, at: datetime) -> int:
    """Record the minute that ``at`` (aware) lies in; how many measurements it has.

    A source that fails is told by ``exchanger_metrics_source_up`` and leaves the others. A measurement's id is made of
    its series and its minute, so a minute that two workers record is there once.
    """
    minute = at.replace(second=0, microsecond=0)
    samples: list[Sample] = []
    for name, source in sources().items():
        found = _read(name, source, at)
        samples += [SOURCE_UP.sample(int(found is not None), source=name), *(found or ())]
    rows = [_row(sample, minute) for sample in samples]
    return len(SystemMetric.objects.bulk_create(rows, ignore_conflicts=True))


def metrics_thin(*, now: datetime | None = None) -> int:
    """Thin old measurements to one in five minutes, older ones to one an hour, and delete the oldest; how many went.

    Each chunk is a transaction of its own: who is killed between two has done the first whole and not begun the other.
    """
    now = now or timezone.now()
    minutes_end = now - timedelta(hours=read_setting(KEEP_MINUTES))
    fine_end = min(minutes_end, now - timedelta(days=read_setting(KEEP_FINE)))
    hourly_end = min(fine_end, now - timedelta(days=read_setting(KEEP_HOURLY)))
    gone = _delete(before=_aligned(hourly_end))
    first = SystemMetric.objects.order_by("recorded_at").values_list("recorded_at", flat=True).first()
    if first is None:
        return gone
    gone += _thin_all(first, _aligned(fine_end), HOURLY)
    return gone + _thin_all(max(first, _aligned(fine_end)), _aligned(minutes_end), FINE)


def _read(name: str, source: Source, at: datetime) -> list[Sample] | None:
    """What a source says; None where it does not answer."""
    try:
        return list(source(at))
    except (DatabaseError, RedisError) as error:
        logger.warning("The source %s of the system metrics does not answer: %s", name, error)
        return None


def _row(sample: Sample, minute: datetime) -> SystemMetric:
    series = json.dumps([sample.metric.name, sample.tags, int(minute.timestamp())], sort_keys=True)
    return SystemMetric(
        pk=uuid.uuid5(_SERIES, series),
        metric_name=sample.metric.name,
        metric_value=Decimal(sample.value),
        tags=sample.tags,
        recorded_at=minute,
    )


def _thin_all(first: datetime, end: datetime, step: timedelta) -> int:
    """Thin what was recorded from ``first`` until ``end``, which lies between two chunks, to one in each ``step``."""
    gone = 0
    chunk = _aligned(first)
    while chunk < end:
        gone += _thin(chunk, step)
        chunk += CHUNK
    return gone


def _thin(chunk: datetime, step: timedelta) -> int:
    values: dict[str, Any] = {
        "step": step,
        "epoch": _EPOCH,
        "first": chunk,
        "last": chunk + CHUNK,
        "counters": COUNTERS,
    }
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(_LOCK)  # two at once would both add what each thinks it has replaced
        cursor.execute(_THIN, values)
        [[gone]] = cursor.fetchall()
    return int(gone)


def _delete(*, before: datetime) -> int:
    gone = 0
    with connections[ALIAS].cursor() as cursor:
        while True:
            cursor.execute(_DELETE, [before, DELETE_BATCH])
            deleted = int(cursor.rowcount)
            gone += deleted
            if deleted < DELETE_BATCH:
                return gone


def _aligned(moment: datetime) -> datetime:
    """The beginning of its chunk."""
    return _EPOCH + (moment - _EPOCH) // CHUNK * CHUNK
