"""How the platform itself does, from what was measured of it: the last day, and Redis of the last hour."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.utils import timezone
from redis.exceptions import RedisError

from admin_panel.adapter import AdminAdapter, SeriesPoint
from admin_panel.metrics import declared
from admin_panel.metrics.redis import redis_counts

PERIOD = timedelta(hours=24)
STEP = timedelta(minutes=30)
HOUR = timedelta(hours=1)
SHOWN = (
    declared.DATABASE_SIZE,
    declared.TABLE_SIZE,
    declared.JOBS_WAITING,
    declared.DELIVERIES_OLDEST,
    declared.REDIS_HITS,
    declared.REDIS_MISSES,
)

Values = list[float | None]


def redis_hits() -> dict[str, Any]:
    """How many look-ups of the last hour were hits, of how many; ``answers`` is false where Redis does not.

    ``since`` (ISO 8601) is None where nothing older was recorded, or Redis has started since: then all it knows of.
    """
    try:
        now = redis_counts()
    except RedisError:
        return {"answers": False}
    before = AdminAdapter().find_redis_counts(since=timezone.now() - HOUR)
    if before is None or before.hits > now.hits or before.misses > now.misses:
        return {"answers": True, "hits": now.hits, "lookups": now.hits + now.misses, "since": None}
    hits, misses = now.hits - before.hits, now.misses - before.misses
    return {"answers": True, "hits": hits, "lookups": hits + misses, "since": before.at.isoformat()}


def system_health() -> dict[str, Any]:
    """The last 24 hours in half-hours, ``None`` where nothing was recorded; and the largest tables, how they grew."""
    last = datetime.fromtimestamp(timezone.now().timestamp() // STEP.total_seconds() * STEP.total_seconds(), UTC)
    moments = [last - STEP * ago for ago in reversed(range(PERIOD // STEP))]
    found: dict[declared.Metric, list[SeriesPoint]] = defaultdict(list)
    names = [metric.name for metric in SHOWN]
    for point in AdminAdapter().find_metric_series(names, since=moments[0], until=last + STEP, step=STEP):
        found[declared.BY_NAME[point.metric_name]].append(point)
    return {
        "at": [moment.isoformat() for moment in moments],
        "sizes": _by_tag(found[declared.DATABASE_SIZE], "database", moments),
        "jobs": _by_tag(found[declared.JOBS_WAITING], "context", moments),
        "delivery": _line(found[declared.DELIVERIES_OLDEST], moments),
        "hit_ratio": _ratios(found[declared.REDIS_HITS], found[declared.REDIS_MISSES], moments),
        "tables": _tables(found[declared.TABLE_SIZE]),
    }


def _line(points: Iterable[SeriesPoint], moments: list[datetime]) -> Values:
    values = {point.at: float(point.value) for point in points}
    return [values.get(moment) for moment in moments]


def _by_tag(points: list[SeriesPoint], tag: str, moments: list[datetime]) -> dict[str, Values]:
    lines: dict[str, list[SeriesPoint]] = defaultdict(list)
    for point in points:
        lines[point.tags[tag]].append(point)
    return {name: _line(found, moments) for name, found in lines.items()}


def _ratios(hits: list[SeriesPoint], misses: list[SeriesPoint], moments: list[datetime]) -> Values:
    """Percent of the look-ups between two points; none where there were none, or Redis was started in between."""
    missed = {point.at: point.value for point in misses}
    ratios: dict[datetime, float] = {}
    for before, after in pairwise(point for point in hits if point.at in missed):
        more = after.value - before.value
        lookups = more + missed[after.at] - missed[before.at]
        if more >= 0 and lookups >= more and lookups > 0:
            ratios[after.at] = round(float(100 * more / lookups), 1)
    return [ratios.get(moment) for moment in moments]


def _tables(points: list[SeriesPoint]) -> list[dict[str, Any]]:
    """By size, the largest first; the points of a series come oldest first."""
    first: dict[str, Decimal] = {}
    last: dict[str, Decimal] = {}
    for point in points:
        name = f"{point.tags['database']}.{point.tags['table']}"
        first.setdefault(name, point.value)
        last[name] = point.value
    largest = sorted(last, key=lambda name: (-last[name], name))
    return [{"table": name, "bytes": int(last[name]), "grown": int(last[name] - first[name])} for name in largest]
