"""How much may be given on a day (UTC): of a currency by one client, and in a pair by all of them together.

What counts is what was ordered on that day, but for orders that came to nothing: cancelled, expired or refunded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connections
from django.db.models import Q, Sum

from exchanger.kernel.money.currencies import currency
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.money.rounding import round_received
from web.configuration import WebConfiguration
from web.models import Order, OrderStatus
from web.services.moves import ALIAS, OrderRefused

COME_TO_NOTHING: Final = (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUNDED)
# The day is that of now(), the transaction's start, which an order's created_at is as well.
_LOCK = "SELECT now(), pg_advisory_xact_lock(hashtextextended('order limit ' || %s, 0))"


@dataclass(frozen=True, slots=True)
class _Limit:
    """The most that the orders ``about`` something may give together on a day."""

    code: str
    what: str
    amount: Decimal
    about: Q
    lock: str


def day_limits_check(*, user_id: UUID, pair: Pair, amount: Decimal, configuration: WebConfiguration) -> None:
    """Refuse an order of ``amount`` (of ``pair.source``) that would bring a day above one of its limits.

    Others who ask about the same limit wait until the transaction under way ends, and then see what it ordered.

    Raises:
        OrderRefused: ``client_limit``, ``pair_limit``.
    """
    for limit in _limits(user_id, pair, configuration):
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(_LOCK, [limit.lock])
            [(now, _)] = cursor.fetchall()
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        used = _used(limit.about, day)
        if used + amount > limit.amount:
            raise _refusal(limit, used, pair, resets_at=day + timedelta(days=1))


def _limits(user_id: UUID, pair: Pair, configuration: WebConfiguration) -> Iterator[_Limit]:
    """Those that are configured. Everybody takes their locks in this order, so nobody waits in a circle."""
    if (most := configuration.client_daily_limits.get(pair.source)) is not None:
        about = Q(user_id=user_id, from_currency=pair.source)
        yield _Limit("client_limit", f"you may give of {pair.source}", most, about, f"{user_id} {pair.source}")
    if (most := configuration.pair_daily_limits.get(pair.title)) is not None:
        about = Q(from_currency=pair.source, to_currency=pair.target)
        yield _Limit("pair_limit", f"we exchange of {pair.title}", most, about, pair.title)


def _used(about: Q, day: datetime) -> Decimal:
    ordered = Order.objects.filter(about, created_at__gte=day, created_at__lt=day + timedelta(days=1))
    counted: Decimal | None = ordered.exclude(status__in=COME_TO_NOTHING).aggregate(sum=Sum("amount"))["sum"]
    return counted or Decimal(0)


def _refusal(limit: _Limit, used: Decimal, pair: Pair, resets_at: datetime) -> OrderRefused:
    given = currency(pair.source)
    left = given.text(round_received(max(limit.amount - used, Decimal(0)), given))
    return OrderRefused(
        limit.code,
        f"That is more than {limit.what} on a day: order at most {left} {given.code}, or wait until midnight UTC.",
        status=409,
        details={
            "limit": f"{limit.amount:f}",
            "used": given.text(used),
            "left": left,
            "currency": given.code,
            "resets_at": resets_at.isoformat(),
        },
    )
