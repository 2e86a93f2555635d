"""The rounding rules, all of them, each in the house's favour.

- What the client pays, a fee included, rounds up to the currency's minor unit.
- What the client gets rounds down to the currency's minor unit.
- A rate that is worked out (inverse, cross, less the spread) rounds down to eight decimals: it says what the client
  gets for one unit.

Between the roundings figures are exact, or carried to sixty digits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext

from exchanger.kernel.money.currencies import MOST_PLACES, Currency

RATE_UNIT = Decimal(1).scaleb(-MOST_PLACES)
_DIGITS = 60  # two numbers of 18 digits multiply exactly; a quotient's error is far below any unit


@contextmanager
def exactly() -> Iterator[None]:
    """Inside, decimals are worked out with sixty digits, where Python's default of 28 would round on the way."""
    with localcontext(Context(prec=_DIGITS)):
        yield


def round_paid(amount: Decimal, currency: Currency) -> Decimal:
    """What the client pays: up."""
    with exactly():
        return amount.quantize(currency.unit, rounding=ROUND_CEILING)


def round_received(amount: Decimal, currency: Currency) -> Decimal:
    """What the client gets: down."""
    with exactly():
        return amount.quantize(currency.unit, rounding=ROUND_FLOOR)


def round_rate(rate: Decimal) -> Decimal:
    """What the client gets for one unit: down. Zero where the rate is too small for eight decimals."""
    with exactly():
        return rate.quantize(RATE_UNIT, rounding=ROUND_FLOOR)
