"""What a client gets for an amount, and what they pay for one. Pure figures; the rounding is the kernel's.

gross     = from_amount × rate, rounded down to the minor unit of what is received
fee       = gross × the fee's share, rounded up to that unit
to_amount = gross − fee
"""

from dataclasses import dataclass
from decimal import Decimal

from exchanger.kernel.money.currencies import Currency
from exchanger.kernel.money.rounding import exactly, round_paid, round_rate, round_received


@dataclass(frozen=True, slots=True)
class Price:
    """``from_amount`` is in the currency given; ``to_amount`` and ``fee`` are in the one received.

    ``to_amount`` is always ``from_amount × rate − fee``, rounded down.
    """

    from_amount: Decimal
    to_amount: Decimal
    fee: Decimal


def client_rate(rate: Decimal, spread: Decimal) -> Decimal:
    """The rate that a client gets when the market's is ``rate``: less the spread's share, rounded down."""
    with exactly():
        return round_rate(rate * (1 - spread))


def price_given(amount: Decimal, *, rate: Decimal, fee_share: Decimal, received: Currency) -> Price:
    """The price of giving ``amount``, which has no part smaller than its minor unit; ``rate`` is the client's."""
    with exactly():
        gross = round_received(amount * rate, received)
        fee = round_paid(gross * fee_share, received)
        return Price(amount, gross - fee, fee)


def price_wanted(amount: Decimal, *, rate: Decimal, fee_share: Decimal, given: Currency, received: Currency) -> Price:
    """The price of receiving exactly ``amount``: the least that can be given for it.

    One unit of what is given may be worth many of what is received; what giving whole units leaves over is part of the
    fee, so that the client gets what they asked for. It is less than one unit is worth.
    """
    with exactly():
        gross = round_paid(amount / (1 - fee_share), received)
        from_amount = round_paid(gross / rate, given)
        return Price(from_amount, amount, round_received(from_amount * rate, received) - amount)
