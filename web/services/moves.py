"""How an order moves: under its row's lock, along the declared ways, announced, and gone from the cache."""

from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import ORDERS
from exchanger.kernel.refusals import Refused
from web import transitions
from web.models import Order, OrderStatus
from web.services.events import event_publish

ALIAS = "web"


class OrderRefused(Refused):
    """The order stays as it is; the code says which rule said no."""

    codes = {
        403: {"email_not_verified": "Verify your e-mail address first: open the link that we have sent you."},
        404: {"not_found": "There is no such quote, or it is not yours."},
        409: {
            "quote_taken": "An order has taken this quote: look at that order, or ask for a new quote.",
            "quote_expired": "This quote has expired: ask for a new one.",
            "rate_changed": "The rate is 41.2925 now, less than you expect: order at that, or wait for a better one.",
            "client_limit": "That is more than you may give of USD on a day: order at most 100 USD.",
            "pair_limit": "That is more than we exchange of USD/UAH on a day: order at most 100 USD.",
            "order_status": "The order is paid, and only one that is not paid yet can be cancelled.",
            "payout_too_small": "What is due is less than the smallest amount of UAH: let the payout fail instead.",
            "payment_missing": "The ledger has no payment of this order, so nothing can be sent back.",
        },
    }


def order_lock(*, order_id: UUID) -> Order:
    """The order as it is, and nobody else changes it until the transaction under way ends.

    Raises:
        Order.DoesNotExist: there is none.
        TransactionManagementError: there is no transaction under way.
    """
    return Order.objects.select_for_update(no_key=True).get(pk=order_id)


def order_move(*, order: Order, to: OrderStatus, **data: Any) -> None:
    """Move an order that the transaction under way has locked, and publish ``order.<status>``.

    ``data`` (JSON) is added to the event.

    Raises:
        OrderRefused: ``order_status``: it cannot go there from where it is.
    """
    before = OrderStatus(order.status)
    if to not in transitions.ORDERS[before]:
        raise OrderRefused(
            "order_status",
            f"The order is {before}, so it cannot become {to}: look at it again.",
            status=409,
            details={"status": before, "wanted": to},
        )
    order.status = to
    Order.objects.filter(pk=order.pk).update(status=to, updated_at=Now())
    order_announce(order=order, event_type=f"order.{to}", previous=before, **data)
    invalidate_on_commit(ORDERS.deletable_keys(order.pk), using=ALIAS)


def order_announce(*, order: Order, event_type: str, **data: Any) -> None:
    """Publish what happened to an order, in the transaction under way; what is cached of it only a move changes."""
    figures = {
        "order_id": str(order.pk),
        "from_currency": order.from_currency,
        "to_currency": order.to_currency,
        "amount": f"{order.amount:f}",
        "exchange_rate": f"{order.exchange_rate:f}",
        "status": str(order.status),
    }
    event_publish(event_type=event_type, order_id=order.pk, user_id=order.user_id, data=figures | data)
