"""System metrics: hour by hour for two days, and day by day for ninety, counted from the demo's own orders.

A measurement is recorded at the end of the hour or day that it measures, which its tag ``period`` names. How many
sessions were live cannot be counted from orders, and follows the time of day.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from admin_panel.models import SystemMetric
from admin_panel.tests.factories import SystemMetricFactory
from exchanger.demo.health import health_metrics
from exchanger.demo.ids import demo_id, stream
from exchanger.demo.market import HISTORY, KYIV
from exchanger.demo.orders import Story
from exchanger.demo.plan import Plan
from exchanger.kernel.contexts import Context
from web.models import OrderStatus

_HOURS: Final = 48
# Live web sessions by hour of Kyiv.
_BUSY: Final = (4, 3, 2, 2, 2, 3, 6, 11, 18, 25, 29, 30, 28, 26, 28, 30, 29, 26, 23, 21, 18, 14, 9, 6)
_SHARES: Final = {Context.WEB: 1.0, Context.ADMIN: 0.08, Context.TELEGRAM: 0.45}  # of that many


@dataclass(frozen=True, slots=True)
class _Counted:
    """One thing that is counted: its metric, and when each happened with what it adds."""

    name: str
    moments: list[datetime]
    values: list[Decimal]

    def between(self, first: datetime, last: datetime) -> Decimal:
        found = slice(bisect_left(self.moments, first), bisect_left(self.moments, last))
        return sum(self.values[found], Decimal(0))


def system_metrics(plan: Plan) -> list[SystemMetric]:
    """All measurements, in the order in which they were recorded."""
    counted = _counted(plan)
    rows = [
        row for name, length, ends in _periods(plan) for end in ends for row in _measured(counted, name, length, end)
    ]
    return sorted([*rows, *health_metrics(plan)], key=lambda row: row.recorded_at)


def _periods(plan: Plan) -> Iterator[tuple[str, timedelta, list[datetime]]]:
    hour, day = timedelta(hours=1), timedelta(days=1)
    last_hour = plan.anchor.replace(minute=0, second=0, microsecond=0)
    last_day = datetime.combine(plan.anchor.date(), time(), UTC)
    yield "hour", hour, [last_hour - hour * ago for ago in range(_HOURS)]
    yield "day", day, [last_day - day * ago for ago in range(HISTORY.days)]


def _measured(counted: list[_Counted], period: str, length: timedelta, end: datetime) -> Iterator[SystemMetric]:
    for metric in counted:
        yield _row(metric.name, metric.between(end - length, end), end, {"period": period})
    chances = stream("sessions", period, end.date().toordinal(), end.hour)
    busy = _BUSY[end.astimezone(KYIV).hour] if period == "hour" else max(_BUSY)
    for context, share in _SHARES.items():
        live = round(busy * share * chances.uniform(0.8, 1.2))
        yield _row("sessions.active", Decimal(live), end, {"period": period, "context": str(context)})


def _row(name: str, value: Decimal, at: datetime, tags: dict[str, str]) -> SystemMetric:
    row: SystemMetric = SystemMetricFactory.build(
        id=demo_id("metric", name, at.isoformat(), *tags.values()),
        metric_name=name,
        metric_value=value,
        tags=tags,
        recorded_at=at,
    )
    return row


def _counted(plan: Plan) -> list[_Counted]:
    def one(story: Story, at: datetime) -> Decimal:
        return Decimal(1)

    def turnover(story: Story, at: datetime) -> Decimal:
        return plan.rates.in_hryvnia(story.order.amount, story.order.from_currency, at.date())

    def fee(story: Story, at: datetime) -> Decimal:
        return plan.rates.in_hryvnia(story.fee, story.order.to_currency, at.date())

    return [
        _count("orders.created", plan, OrderStatus.PENDING, one),
        _count("orders.paid", plan, OrderStatus.PAID, one),
        _count("orders.completed", plan, OrderStatus.COMPLETED, one),
        _count("turnover.uah", plan, OrderStatus.COMPLETED, turnover),
        _count("fees.uah", plan, OrderStatus.COMPLETED, fee),
    ]


def _count(name: str, plan: Plan, status: OrderStatus, value: Callable[[Story, datetime], Decimal]) -> _Counted:
    reached = ((at, value(story, at)) for story in plan.stories if (at := story.reached(status)) is not None)
    happened = sorted(reached, key=lambda pair: pair[0])
    return _Counted(name, [at for at, _ in happened], [added for _, added in happened])
