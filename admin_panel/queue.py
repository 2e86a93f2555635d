"""What waits for an operator, the oldest first: transfers to confirm, orders to pay out, refunds to decide and send."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from exchanger.kernel.contexts import Context, require
from web.models import Order, OrderStatus, Payment, PaymentStatus, Refund, RefundStatus
from web.payments.registry import PROCESSORS

MOST = 50
"""Rows of a section that are shown; an operator takes the oldest anyway."""


@dataclass(frozen=True, slots=True)
class Section:
    """``rows`` are at most MOST, each with ``waiting_since``; ``more`` is whether there are others behind them."""

    name: str
    rows: Sequence[Any]
    more: bool

    @property
    def oldest(self) -> datetime | None:
        return self.rows[0].waiting_since if self.rows else None


def waiting_orders() -> Section:
    """Paid, and to be paid out; or being paid out, and to be closed."""
    waiting = Order.objects.filter(status__in=[OrderStatus.PAID, OrderStatus.PROCESSING])
    return _section("orders", waiting.prefetch_related("quotes"), "updated_at")


def waiting_payments() -> Section:
    """Transfers that clients have begun, and that nobody has seen in the bank yet."""
    waiting = Payment.objects.filter(status=PaymentStatus.PENDING).exclude(payment_method__in=PROCESSORS)
    return _section("payments", waiting.select_related("order"), "created_at")


def waiting_refunds() -> Section:
    """To be decided on; failed; or approved, and to be sent by hand."""
    by_hand = Q(status=RefundStatus.APPROVED) & ~Q(payment__payment_method__in=PROCESSORS)
    waiting = Refund.objects.filter(Q(status__in=[RefundStatus.REQUESTED, RefundStatus.FAILED]) | by_hand)
    of_clients = waiting.select_related("order", "payment").annotate(user_id=F("order__user_id"))
    return _section("refunds", of_clients, "created_at")


def _section(name: str, waiting: QuerySet[Any], since: str) -> Section:
    require(Context.ADMIN)
    rows = list(waiting.annotate(waiting_since=F(since)).order_by(since, "pk")[: MOST + 1])
    return Section(name, rows[:MOST], len(rows) > MOST)
