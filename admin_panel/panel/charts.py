"""The dashboard's charts, from the figure ``daily_turnover``: what unfold's chart component draws."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from admin_panel.figures import DAYS
from exchanger.kernel.cache.codec import encode

Rows = list[dict[str, Any]]


def orders_chart(rows: Rows, last_day: date) -> str:
    """JSON of two sets of bars: the orders made on each day, and how many of them are completed."""
    days = _days(last_day)
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


def turnover_chart(rows: Rows, last_day: date, currency: str) -> str:
    """JSON of one set of bars: what the orders of each day that are completed gave or received in ``currency``."""
    days = _days(last_day)
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


def _days(last_day: date) -> list[str]:
    return [(last_day - timedelta(days=ago)).isoformat() for ago in reversed(range(DAYS))]


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
