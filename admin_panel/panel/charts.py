"""The dashboard's charts, from its figures ``daily_turnover`` and ``system_health``: what unfold's component draws."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exchanger.kernel.cache.codec import encode

Rows = list[dict[str, Any]]
LINES = ("line-1", "line-2", "line-3", "line-4")  # panel.css gives each its colour


def orders_chart(rows: Rows, last_day: date, length: int) -> str:
    """JSON of two sets of bars: the orders made on each of ``length`` days, and how many of them are completed."""
    days = _days(last_day, length)
    made: Counter[str] = Counter()
    completed: Counter[str] = Counter()
    for row in rows:
        made[row["day"]] += row["orders"]
        completed[row["day"]] += row["completed"]
    return _chart(
        days,
        # The first set is drawn in front.
        _bars("Completed", [completed[day] for day in days], "var(--color-primary-600)"),
        _bars("All orders", [made[day] for day in days], "var(--color-primary-200)"),
    )


def turnover_chart(rows: Rows, last_day: date, currency: str, length: int) -> str:
    """JSON of one set of bars: what the orders of each day that are completed gave or received in ``currency``."""
    days = _days(last_day, length)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if currency in (row["from_currency"], row["to_currency"]):
            sums[row["day"]] += Decimal(row["given"] if row["from_currency"] == currency else row["received"])
    return _chart(days, _bars(currency, [format(sums[day], "f") for day in days], "var(--color-primary-600)"))


def main_currency(rows: Rows) -> str | None:
    """The currency on one side of most completed orders: sums in it need no conversion. None if none is completed."""
    counted: Counter[str] = Counter()
    for row in rows:
        for side in ("from_currency", "to_currency"):
            counted[row[side]] += row["completed"]
    return max(sorted(+counted), key=counted.__getitem__, default=None)


def health_charts(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """Title, JSON of lines and what their colours mean, of each chart; without a value there is no JSON."""
    sizes = {name: [_megabytes(size) for size in line] for name, line in figure["sizes"].items()}
    drawn = (
        ("Size of the databases", sizes, "MB"),
        ("Jobs that wait", figure["jobs"], ""),
        ("Delivery lag, web to Telegram", {"oldest event": figure["delivery"]}, "s"),
        ("Redis hit ratio", {"hits": figure["hit_ratio"]}, "%"),
    )
    labels = [f"{datetime.fromisoformat(moment):%H:%M}" for moment in figure["at"]]
    return [_health_chart(title, labels, lines, unit) for title, lines, unit in drawn]


def _health_chart(title: str, labels: list[str], lines: dict[str, Any], unit: str) -> dict[str, Any]:
    named = list(zip(sorted(lines), LINES, strict=False))
    datasets = [
        {
            "label": name,
            "data": lines[name],
            "borderColor": f"var(--{line})",
            "displayYAxis": True,
            "maxTicksXLimit": 7,
            "suffixYAxis": unit,
            "tension": 0.2,
        }
        for name, line in named
    ]
    known = any(value is not None for line in lines.values() for value in line)
    return {
        "title": title,
        "data": encode({"labels": labels, "datasets": datasets}).decode() if known else None,
        "legend": named if len(named) > 1 else [],
    }


def _megabytes(size: float | None) -> float | None:
    return None if size is None else round(size / 1024**2, 1)


def _days(last_day: date, length: int) -> list[str]:
    return [(last_day - timedelta(days=ago)).isoformat() for ago in reversed(range(length))]


def _chart(days: list[str], *datasets: dict[str, Any]) -> str:
    labels = [f"{date.fromisoformat(day):%d %b}" for day in days]
    return encode({"labels": labels, "datasets": datasets}).decode()


def _bars(label: str, values: list[Any], colour: str) -> dict[str, Any]:
    return {
        "label": label,
        "data": values,
        "backgroundColor": colour,
        "maxBarThickness": 14,
        "borderRadius": 3,
        "displayYAxis": True,
        "maxTicksXLimit": 10,
    }
