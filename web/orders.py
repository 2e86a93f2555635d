"""An order as its client sees it, with the figures of the quote that it took."""

from decimal import Decimal
from typing import Any

from exchanger.kernel.money.currencies import recorded_currency
from exchanger.kernel.money.rounding import exactly, round_received
from web.ledger import NOTHING
from web.models import Order, Quote


def quote_of(order: Order) -> Quote | None:
    """The quote that an order took, None for an order from before there were quotes. For many, prefetch ``quotes``."""
    return next(iter(order.quotes.all()), None)


def payout_of(order: Order) -> tuple[Decimal, Decimal]:
    """Gross and fee of an order's payout, which is what is left of the one by the other, in its ``to_currency``.

    They are the quote's; without a quote, the amount at the rate, rounded down, and no fee.
    """
    quote = quote_of(order)
    if quote is not None:
        return quote.to_amount + quote.fee, quote.fee
    with exactly():
        return round_received(order.amount * order.exchange_rate, recorded_currency(order.to_currency)), NOTHING


def order_json(order: Order, quote: Quote | None) -> dict[str, Any]:
    """What is shown of an order, and cached; ``user_id`` is its owner, to whom alone it is shown.

    Amounts are strings with the decimals of their currency; what only a quote knows is None without one.
    """
    given, received = recorded_currency(order.from_currency), recorded_currency(order.to_currency)
    return {
        "id": order.pk,
        "user_id": order.user_id,
        "quote_id": quote.pk if quote else None,
        "from_currency": order.from_currency,
        "to_currency": order.to_currency,
        "from_amount": given.text(order.amount),
        "to_amount": received.text(quote.to_amount) if quote else None,
        "fee": received.text(quote.fee) if quote else None,
        "exchange_rate": order.exchange_rate,
        "status": order.status,
        "expires_at": order.expires_at,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
