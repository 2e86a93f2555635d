from decimal import Decimal

from exchanger.kernel.money.currencies import recorded_currency
from exchanger.kernel.money.rounding import round_received
from web.models import Order
from web.orders import payout_of


def amount_text(amount: Decimal | str) -> str:
    """``1234567.50000000`` → ``1,234,567.50``: two decimals at least and eight at most, as the tables keep them."""
    whole, _, fraction = f"{Decimal(amount):,.8f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def money_text(amount: Decimal | str, code: str) -> str:
    return f"{amount_text(amount)} {code}"


def received_text(amount: str, code: str) -> str:
    """An amount that clients received, where it was worked out of others: no part of it is below the minor unit."""
    return money_text(round_received(Decimal(amount), recorded_currency(code)), code)


def payout_text(order: Order) -> str:
    """What the client gets. For many, prefetch ``quotes``."""
    gross, fee = payout_of(order)
    return money_text(gross - fee, order.to_currency)
