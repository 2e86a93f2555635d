"""The currencies that the platform knows, and how many decimals an amount of each has.

ISO 4217's codes and minor units come from its maintenance agency's own table; crypto currencies have no such table and
are declared by the setting CRYPTO_CURRENCIES. The published configuration says which of them are on offer.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import iso4217
from django.conf import settings

MOST_PLACES = 8
"""Decimals that the tables keep: an amount or a rate is DECIMAL(18, 8)."""

CEILING = Decimal(10) ** 10
"""Amounts and rates are below this: what DECIMAL(18, 8) leaves in front of the point."""


class UnknownCurrency(ValueError):
    """Neither ISO 4217 nor the configuration knows the code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code!r} is not the code of a currency: use one such as USD.")


@dataclass(frozen=True, slots=True)
class Currency:
    """``places`` is how many decimals the minor unit has; ``crypto`` ones are of no central bank."""

    code: str
    places: int
    crypto: bool = False

    @property
    def unit(self) -> Decimal:
        """The smallest amount: 0.01 of USD."""
        return Decimal(1).scaleb(-self.places)

    def is_whole(self, amount: Decimal) -> bool:
        """Whether an amount has no part smaller than the minor unit."""
        return amount == amount.quantize(self.unit)

    def text(self, amount: Decimal) -> str:
        """The amount with all decimals of the minor unit and no other: ``100.00``."""
        return f"{amount:.{self.places}f}"


def currency(code: str) -> Currency:
    """The currency of a code, in either case.

    Raises:
        UnknownCurrency
    """
    found = _iso().get(code.upper()) or _crypto().get(code.upper())
    if found is None:
        raise UnknownCurrency(code)
    return found


def recorded_currency(code: str) -> Currency:
    """The currency of a row that there is, whether anybody is paid in it still or not.

    One that is no longer known (codes are withdrawn, and the setting may lose one) has all the decimals that the tables
    keep, and is no bank's.
    """
    try:
        return currency(code)
    except UnknownCurrency:
        return Currency(code, MOST_PLACES, crypto=True)


def all_currencies() -> list[Currency]:
    """Every one that the platform knows."""
    return [*_iso().values(), *_crypto().values()]


@cache
def _iso() -> dict[str, Currency]:
    # Gold, drawing rights and test codes have no minor unit: nobody is paid in them.
    return {
        known.code: Currency(known.code, known.exponent) for known in iso4217.Currency if known.exponent is not None
    }


def _crypto() -> dict[str, Currency]:
    return {code: Currency(code, places, crypto=True) for code, places in settings.CRYPTO_CURRENCIES.items()}
