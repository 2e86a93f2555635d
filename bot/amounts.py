"""Amounts as people type them: ``1 000,50``, ``1000.5 usd``, ``$1,000.50``, ``1.000,50``.

A comma and a point both part the decimals in some countries and the thousands in others. Where a text can mean two
amounts it is refused, and never guessed: ``1,000`` and ``1.000`` may be one or a thousand. ``0,125`` and ``1,0000``
mean one thing only, and so do ``1,000,000`` and ``1 000,500``.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from exchanger.kernel.money.currencies import CEILING, MOST_PLACES, UnknownCurrency, currency

MOST_CHARACTERS: Final = 60
_SYMBOLS: Final = {"$": "USD", "€": "EUR", "₴": "UAH", "£": "GBP", "грн": "UAH"}
_SPACES: Final = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_CODE: Final = r"[A-Za-z]{2,10}|[$€₴£]|грн"
_AMOUNT: Final = re.compile(
    rf"(?P<before>{_CODE})? ?(?P<sign>[-+−]?)(?P<number>[0-9.,'’ ]*[0-9]) ?(?P<after>{_CODE})?", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"([0-9]*)(?:[.,]([0-9]+))?")
_GROUPED: Final = re.compile(r"([0-9]{1,3}(?:(?P<group>[ '’.,])[0-9]{3})(?:(?P=group)[0-9]{3})*)(?:([.,])([0-9]+))?")
_EITHER: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")


class Problem(StrEnum):
    """Why a text is no amount."""

    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"
    NEGATIVE = "negative"
    ZERO = "zero"
    TOO_LARGE = "too_large"
    TOO_PRECISE = "too_precise"
    UNKNOWN_CURRENCY = "unknown_currency"


class WrongAmount(ValueError):
    """The text is no amount that could be exchanged; ``text`` is what somebody typed."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(f"{text!r}: {problem}")
        self.problem = problem
        self.text = text


@dataclass(frozen=True, slots=True)
class Amount:
    """Above zero; ``currency`` is a known code, None where none was typed."""

    value: Decimal
    currency: str | None


def parse_amount(typed: str) -> Amount:
    """The amount that somebody typed, with the currency before it or after it, if any.

    Raises:
        WrongAmount
    """
    text = _SPACES.sub(" ", typed).strip()
    found = _AMOUNT.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
    if found is None or (found["before"] and found["after"]):
        raise WrongAmount(Problem.UNREADABLE, typed)
    value = _number(found["number"].strip(), typed)
    code = _currency(found["before"] or found["after"], typed)
    if found["sign"] in ("-", "−") and value:
        raise WrongAmount(Problem.NEGATIVE, typed)
    if not value:
        raise WrongAmount(Problem.ZERO, typed)
    if value >= CEILING:
        raise WrongAmount(Problem.TOO_LARGE, typed)
    most = MOST_PLACES if code is None else currency(code).places
    if value != value.quantize(Decimal(1).scaleb(-most)):
        raise WrongAmount(Problem.TOO_PRECISE, typed)
    return Amount(value, code)


def _number(text: str, typed: str) -> Decimal:
    if _EITHER.fullmatch(text):
        raise WrongAmount(Problem.AMBIGUOUS, typed)
    if plain := _PLAIN.fullmatch(text):
        return Decimal(f"{plain[1] or '0'}.{plain[2] or '0'}")
    grouped = _GROUPED.fullmatch(text)
    if grouped is None or grouped["group"] == grouped[3]:
        raise WrongAmount(Problem.UNREADABLE, typed)
    whole = re.sub("[^0-9]", "", grouped[1])
    return Decimal(f"{whole}.{grouped[4] or '0'}")


def _currency(typed: str | None, text: str) -> str | None:
    if typed is None:
        return None
    try:
        return currency(_SYMBOLS.get(typed.lower(), typed)).code
    except UnknownCurrency as error:
        raise WrongAmount(Problem.UNKNOWN_CURRENCY, text) from error
