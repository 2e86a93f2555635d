"""/rates: the market's rates as the web application has them, with when they were said and until when they hold."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues.declaration import Command
from bot.dialogues.turn import Turn
from bot.dialogues.wording import moment, rate_text
from bot.web_rates import Rate, RatesUnavailable, find_rate, find_rates
from exchanger.kernel.money.pairs import Pair, WrongPair


def _rates(turn: Turn, arguments: str) -> None:
    try:
        turn.say(_pair(turn, arguments) if arguments else _all(turn))
    except RatesUnavailable:
        turn.say(_("I cannot get the rates at the moment. Please try again in a few minutes."))


def _pair(turn: Turn, arguments: str) -> str:
    try:
        pair = Pair.parse("_".join(arguments.replace("/", " ").replace("_", " ").split()))
    except WrongPair:
        return _("Write two currencies after the command, like this: /rates usd uah")
    rate = find_rate(pair)
    if rate is None:
        return _("There is no rate for {pair} at the moment.").format(pair=pair.title)
    return "\n".join([_line(rate), *_dates(turn, [rate])])


def _all(turn: Turn) -> str:
    rates = find_rates()
    if not rates:
        return _("There are no rates at the moment.")
    return "\n".join([_("Market rates, before our fee:"), *map(_line, rates), "", *_dates(turn, rates)])


def _line(rate: Rate) -> str:
    return f"1 {rate.pair.source} = {rate_text(rate.rate)} {rate.pair.target}"


def _dates(turn: Turn, rates: list[Rate]) -> list[str]:
    """The oldest of the dates, and the first of the ends, hold for all of them."""
    lines = [_("As of {time}.").format(time=moment(min(rate.confirmed_at for rate in rates), turn.zone))]
    if ends := [rate.valid_until for rate in rates if rate.valid_until is not None]:
        lines.append(_("Valid until {time}.").format(time=moment(min(ends), turn.zone)))
    return lines


COMMAND = Command("rates", gettext_lazy("Exchange rates"), _rates, interrupts=False)
