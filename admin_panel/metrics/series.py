"""A metric over time, ready for a chart: one point in each step."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from admin_panel.adapter import AdminAdapter, SeriesPoint
from admin_panel.metrics.declared import BY_NAME, Kind
from exchanger.kernel.refusals import Refused

STEPS: Final = {
    "minute": timedelta(minutes=1),
    "5minutes": timedelta(minutes=5),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
MOST_POINTS: Final = 1500
DEFAULT_LENGTH: Final = timedelta(hours=24)


class SeriesRefused(Refused):
    """More was asked for than one answer holds."""

    codes = {
        400: {
            "range_invalid": "The range ends after it begins: change since or until.",
            "range_too_long": f"A series has at most {MOST_POINTS} points: ask for a shorter range or a longer step.",
        }
    }


def metric_series(
    name: str, *, since: datetime, until: datetime, step: str, tags: dict[str, str] | None = None
) -> dict[str, Any]:
    """Every series of the metric whose tags have all of ``tags``, from ``since`` until ``until`` (aware).

    A point is the average of its step, of a counter the last value. Where nothing was recorded is no point.

    Raises:
        SeriesRefused: ``range_invalid`` or ``range_too_long``.
    """
    if since >= until:
        raise SeriesRefused("range_invalid", SeriesRefused.codes[400]["range_invalid"])
    if (until - since) / STEPS[step] > MOST_POINTS:
        details = {"most_points": MOST_POINTS}
        raise SeriesRefused("range_too_long", SeriesRefused.codes[400]["range_too_long"], details=details)
    points = AdminAdapter().find_metric_series([name], since=since, until=until, step=STEPS[step], tags=tags)
    metric = BY_NAME.get(name)
    return {
        "metric_name": name,
        "kind": metric.kind if metric else Kind.GAUGE,
        "unit": metric.unit if metric else "",
        "step": step,
        "series": [{"tags": held, "points": list(found)} for held, found in groupby(points, _tags)],
    }


def _tags(point: SeriesPoint) -> dict[str, str]:
    return point.tags
