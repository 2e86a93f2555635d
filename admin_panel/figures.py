"""The numbers of the operators' first page, each read by one statement that an index bounds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connections
from django.db.models import Count, DecimalField, F, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from admin_panel.adapter import AdminAdapter
from exchanger.kernel.contexts import IDENTITY, SPECS, Context, require
from web.models import Order, OrderStatus

DAYS = 30
PERIODS = (7, DAYS, 90)  # days that the charts can show
QUEUE = (OrderStatus.PAID, OrderStatus.PROCESSING)
QUEUE_AGES = (15, 60, 240)  # minutes: the upper bounds of the queue's classes of age; what is older is the last class

_TURNOVER = DecimalField(max_digits=38, decimal_places=16)
_COMPLETED = Q(status=OrderStatus.COMPLETED)
# One index probe a pair, however long the history of rates is; a pair whose rate has ended is still listed.
_LATEST_RATES = """
WITH RECURSIVE pair AS (
    (SELECT from_currency, to_currency FROM exchange_rates ORDER BY 1, 2 LIMIT 1)
    UNION ALL
    SELECT following.* FROM pair, LATERAL (
        SELECT r.from_currency, r.to_currency FROM exchange_rates r
        WHERE (r.from_currency, r.to_currency) > (pair.from_currency, pair.to_currency) ORDER BY 1, 2 LIMIT 1
    ) following
)
SELECT pair.from_currency, pair.to_currency, latest.rate, latest.valid_from, latest.valid_until
FROM pair, LATERAL (
    SELECT r.rate, r.valid_from, r.valid_until FROM exchange_rates r
    WHERE r.from_currency = pair.from_currency AND r.to_currency = pair.to_currency AND r.valid_from <= now()
    ORDER BY r.valid_from DESC LIMIT 1
) latest
"""
# Quotes that nobody took are kept for 30 days, and found by when they ended, which is minutes after they were made.
_CONVERSION = """
SELECT
    (SELECT count(*) FROM quotes WHERE order_id IS NULL AND expires_at >= %(since)s),
    count(q.id), count(q.id) FILTER (WHERE o.status = %(completed)s)
FROM orders o JOIN quotes q ON q.order_id = o.id WHERE o.created_at >= %(since)s
"""
# The event is recorded in the transaction that completes the order; an order's own times change after that.
_COMPLETION = """
SELECT
    count(*),
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY extract(epoch FROM e.created_at - o.created_at))
FROM analytics_events e JOIN orders o ON o.id = (e.event_data ->> 'order_id')::uuid
WHERE e.event_type = 'order.completed' AND e.created_at >= %(since)s
"""


class PlatformFigures:
    """Plain JSON throughout: amounts are decimal strings, times ISO 8601 in UTC, days ISO dates in UTC.

    Raises:
        ForeignContext, NoContext: made outside an admin process.
    """

    def __init__(self) -> None:
        require(Context.ADMIN)

    def orders_by_status(self, days: int = DAYS) -> dict[str, int]:
        """How many of the last ``days`` days' orders are in each status; every status is there."""
        counted = _orders_since(days).values_list("status").annotate(orders=Count("id"))
        return {**dict.fromkeys(OrderStatus.values, 0), **dict(counted)}

    def turnover_today(self) -> list[dict[str, Any]]:
        """Today's orders (UTC) by pair: how many, how many completed, and what the completed gave and received."""
        return [_turnover(row) for row in by_pair(_orders_since(1)).order_by("-orders", *_PAIR)]

    def daily_turnover(self, days: int = DAYS) -> list[dict[str, Any]]:
        """The same by day and pair, for the last ``days`` days; days without an order are left out."""
        rows = by_pair(_orders_since(days), day=TruncDate("created_at", tzinfo=UTC)).order_by("day", *_PAIR)
        return [{"day": row["day"].isoformat(), **_turnover(row)} for row in rows]

    def queue(self) -> list[dict[str, Any]]:
        """Orders that wait for an operator, by status: ``ages`` counts them in the classes of QUEUE_AGES."""
        now = timezone.now()
        classes, older = {}, Q()
        for n, minutes in enumerate(QUEUE_AGES):
            bound = now - timedelta(minutes=minutes)
            classes[f"age{n}"] = older & Q(created_at__gt=bound)
            older = Q(created_at__lte=bound)
        classes[f"age{len(QUEUE_AGES)}"] = older
        counts = {name: Count("id", filter=condition) for name, condition in classes.items()}
        waiting: Any = (
            Order.objects.filter(status__in=QUEUE).values("status").annotate(oldest=Min("created_at"), **counts)
        )
        found = {row["status"]: row for row in waiting}
        return [
            {
                "status": status.value,
                "ages": [found[status][name] if status in found else 0 for name in classes],
                "oldest": found[status]["oldest"].isoformat() if status in found else None,
            }
            for status in QUEUE
        ]

    def latest_rates(self) -> list[dict[str, Any]]:
        """Each pair's latest rate, the stalest first."""
        with connections[SPECS[Context.WEB].alias].cursor() as cursor:
            cursor.execute(_LATEST_RATES)
            found = sorted(cursor.fetchall(), key=lambda row: row[3])
        return [
            {
                "from_currency": from_currency,
                "to_currency": to_currency,
                "rate": _text(rate),
                "valid_from": valid_from.isoformat(),
                "valid_until": valid_until.isoformat() if valid_until else None,
            }
            for from_currency, to_currency, rate, valid_from, valid_until in found
        ]

    def conversion(self) -> dict[str, int]:
        """What became of the last 30 days' quotes: how many there were, became orders, and of these are completed."""
        values = {"since": _first_moment(DAYS), "completed": OrderStatus.COMPLETED.value}
        untaken, ordered, completed = _row(_CONVERSION, **values)
        return {"quotes": untaken + ordered, "orders": ordered, "completed": completed}

    def completion(self) -> dict[str, Any]:
        """How many orders were completed in the last 30 days, and in how many seconds half and nine in ten of them."""
        completed, percentiles = _row(_COMPLETION, since=_first_moment(DAYS))
        median, ninety = (round(seconds) for seconds in percentiles) if completed else (None, None)
        return {"completed": completed, "median": median, "ninety": ninety}

    def deliveries(self) -> dict[str, Any]:
        """How many events wait on their way from web to telegram, and since when the oldest of them does."""
        backlog = AdminAdapter().find_event_backlog()
        return {"waiting": backlog.waiting, "oldest": backlog.since.isoformat() if backlog.since else None}

    def live_sessions(self) -> dict[str, int]:
        """How many sessions are live in each context; nothing else about them is readable here."""
        with connections[IDENTITY].cursor() as cursor:
            cursor.execute("SELECT application_context, live FROM count_live_sessions()")
            return {**{context.value: 0 for context in Context}, **dict(cursor.fetchall())}


_PAIR = ("from_currency", "to_currency")


def _orders_since(days: int) -> QuerySet[Order]:
    """The orders of the last ``days`` days (UTC), today being the last of them."""
    return Order.objects.filter(created_at__gte=_first_moment(days))


def _first_moment(days: int) -> datetime:
    """When the first of the last ``days`` days (UTC) began, today being the last of them."""
    today = datetime.combine(timezone.now().astimezone(UTC).date(), datetime.min.time(), UTC)
    return today - timedelta(days=days - 1)


def _row(statement: str, **values: Any) -> tuple[Any, ...]:
    """The one row that a statement gives in web's database."""
    with connections[SPECS[Context.WEB].alias].cursor() as cursor:
        cursor.execute(statement, values)
        [row] = cursor.fetchall()
    return tuple(row)


def by_pair(orders: QuerySet[Order], **more: Any) -> Any:
    """How many there are of each pair, how many completed, and what the completed gave and received (None: nothing)."""
    return orders.values(*_PAIR, **more).annotate(
        orders=Count("id"),
        completed=Count("id", filter=_COMPLETED),
        given=Sum("amount", filter=_COMPLETED),
        received=Sum(F("amount") * F("exchange_rate"), filter=_COMPLETED, output_field=_TURNOVER),
    )


def _turnover(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "from_currency": row["from_currency"],
        "to_currency": row["to_currency"],
        "orders": row["orders"],
        "completed": row["completed"],
        "given": _text(row["given"] or Decimal(0)),
        "received": _text(row["received"] or Decimal(0)),
    }


def _text(number: Decimal) -> str:
    return format(number, "f")
