"""How times, amounts and rates are written, and what is said of an amount that cannot be read."""

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from bot.amounts import Problem, WrongAmount
from exchanger.kernel.money.currencies import CEILING, MOST_PLACES, recorded_currency


def moment(at: datetime, zone: ZoneInfo) -> str:
    """``2026-11-23 18:05 (Europe/Kyiv)``: the zone is said, since not everybody has told theirs."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


def deadline(at: datetime, zone: ZoneInfo) -> str:
    """A moment that may be near, to the second."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone.key})"


def amount_text(amount: Decimal, code: str) -> str:
    """``100.00 USD``"""
    return f"{recorded_currency(code).text(amount)} {code}"


def percent_text(share: Decimal) -> str:
    """``0.3 %`` of 0.003."""
    return f"{rate_text(share * 100)} %"


def rate_text(rate: Decimal) -> str:
    """A rate without the zeros that only its column needs: ``41.5``."""
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount_hint(error: WrongAmount) -> str:
    """What to type instead, in the active language."""
    match error.problem:
        case Problem.AMBIGUOUS:
            whole, rest = re.findall("([0-9]+)[.,]([0-9]{3})", error.text)[0]
            return _("This can mean two amounts. Write {thousands} or {decimals}.").format(
                thousands=f"{whole}{rest}", decimals=f"{whole}.{rest}0"
            )
        case Problem.NEGATIVE | Problem.ZERO:
            return _("The amount must be more than zero.")
        case Problem.TOO_LARGE:
            return _("This is too much: write an amount below {most}.").format(most=f"{CEILING:f}")
        case Problem.TOO_PRECISE:
            return _("Too many decimals: there are at most {most}, and fewer in most currencies.").format(
                most=MOST_PLACES
            )
        case Problem.UNKNOWN_CURRENCY:
            return _("I do not know this currency. Write a code such as USD.")
        case Problem.UNREADABLE:
            return _("Write the amount in digits, like this: 1000.50")
