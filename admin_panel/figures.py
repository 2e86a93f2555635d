"""The numbers of the operators' first page, each read by one statement that an index bounds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connections
from django.db.models import Count, DecimalField, F, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from exchanger.kernel.contexts import IDENTITY, SPECS, Context, require
from web.models import Order, OrderStatus

DAYS = 30
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


class PlatformFigures:
    """Plain JSON throughout: amounts are decimal strings, times ISO 8601 in UTC, days ISO dates in UTC.

    Raises:
        ForeignContext, NoContext: made outside an admin process.
    """

    def __init__(self) -> None:
        require(Context.ADMIN)

    def orders_by_status(self) -> dict[str, int]:
        """How many of the last 30 days' orders are in each status; every status is there."""
        counted = _orders_since(DAYS).values_list("status").annotate(orders=Count("id"))
        return {**dict.fromkeys(OrderStatus.values, 0), **dict(counted)}

    def turnover_today(self) -> list[dict[str, Any]]:
        """Today's orders (UTC) by pair: how many, how many completed, and what the completed gave and received."""
        return [_turnover(row) for row in by_pair(_orders_since(1)).order_by("-orders", *_PAIR)]

    def daily_turnover(self) -> list[dict[str, Any]]:
        """The same by day and pair, for the last 30 days; days without an order are left out."""
        rows = by_pair(_orders_since(DAYS), day=TruncDate("created_at", tzinfo=UTC)).order_by("day", *_PAIR)
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

    def live_sessions(self) -> dict[str, int]:
        """How many sessions are live in each context; nothing else about them is readable here."""
        with connections[IDENTITY].cursor() as cursor:
            cursor.execute("SELECT application_context, live FROM count_live_sessions()")
            return {**{context.value: 0 for context in Context}, **dict(cursor.fetchall())}


_PAIR = ("from_currency", "to_currency")


def _orders_since(days: int) -> QuerySet[Order]:
    """The orders of the last ``days`` days (UTC), today being the last of them."""
    today = datetime.combine(timezone.now().astimezone(UTC).date(), datetime.min.time(), UTC)
    return Order.objects.filter(created_at__gte=today - timedelta(days=days - 1))


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
