"""/rates: the market's rates as the web application has them, with when they were said and until when they hold."""

import logging
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.amounts import Amount, WrongAmount, parse_amount
from bot.dialogues.declaration import Command
from bot.dialogues.turn import Turn
from bot.dialogues.wording import amount_hint, moment, rate_text
from bot.web_answers import Rate, WebRefused
from bot.web_api import WebDown, web
from exchanger.kernel.money.currencies import currency
from exchanger.kernel.money.pairs import Pair, WrongPair
from exchanger.kernel.money.rounding import exactly, round_received

logger = logging.getLogger(__name__)


def _rates(turn: Turn, arguments: str) -> None:
    try:
        turn.say(_pair(turn, arguments) if arguments else _all(turn))
    except (WebDown, WebRefused) as error:
        logger.warning("Web gave no rates: %r", error)
        turn.say(_("I cannot get the rates at the moment. Please try again in a few minutes."))


def _pair(turn: Turn, arguments: str) -> str:
    """``usd uah``, ``USD/UAH`` and ``1 000,50 usd uah``."""
    *given, target = arguments.replace("/", " ").replace("_", " ").split() or [""]
    try:
        amount = parse_amount(" ".join(given)) if any(map(str.isdigit, "".join(given))) else None
        source = " ".join(given) if amount is None else amount.currency
        pair = Pair.parse(f"{source}_{target}")
    except WrongAmount as error:
        return amount_hint(error)
    except WrongPair:
        return _("Write two currencies after the command, like this: /rates usd uah or /rates 100 usd uah")
    rate = web().rate_get(pair)
    if rate is None:
        return _("There is no rate for {pair} at the moment.").format(pair=pair.title)
    worth = [] if amount is None else [_worth(amount, rate)]
    return "\n".join([*worth, _line(rate), _("The market rate, before our fee."), "", *_dates(turn, [rate])])


def _worth(amount: Amount, rate: Rate) -> str:
    source, target = currency(rate.pair.source), currency(rate.pair.target)
    with exactly():
        got = amount.value * rate.rate
    return f"{source.text(amount.value)} {source.code} ≈ {target.text(round_received(got, target))} {target.code}"


def _all(turn: Turn) -> str:
    rates = web().rates()
    if not rates:
        return _("There are no rates at the moment.")
    return "\n".join([_("Market rates, before our fee:"), *map(_line, rates), "", *_dates(turn, rates)])


def _line(rate: Rate) -> str:
    return f"1 {rate.pair.source} = {rate_text(rate.rate)} {rate.pair.target}"


def _dates(turn: Turn, rates: Sequence[Rate]) -> list[str]:
    """The oldest of the dates, and the first of the ends, hold for all of them."""
    lines = [_("As of {time}.").format(time=moment(min(rate.confirmed_at for rate in rates), turn.zone))]
    if ends := [rate.valid_until for rate in rates if rate.valid_until is not None]:
        lines.append(_("Valid until {time}.").format(time=moment(min(ends), turn.zone)))
    return lines


COMMAND = Command("rates", gettext_lazy("Exchange rates"), _rates, interrupts=False)
