"""/alert usd uah 41.5: be told once when the rate is there; /alerts: those that are set, with a button to delete each.

The rates are those at which web exchanges, the spread taken off: what a person would get.
"""

import re
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.adapter import TelegramAdapter
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.turn import Button, Turn
from bot.dialogues.wording import rate_text
from bot.models import RateAlert
from bot.services.rate_alerts import alert_create, alert_delete
from bot.web_api import web
from exchanger.kernel.money.pairs import Pair, WrongPair
from exchanger.kernel.refusals import Refused

_WANTED: Final = re.compile(
    r"([a-z0-9]+)[\s/_]+([a-z0-9]+)\s+([0-9]{1,10}(?:[.,][0-9]{1,8})?)", re.ASCII | re.IGNORECASE
)


def _alert(turn: Turn, arguments: str) -> None:
    wanted = _wanted(arguments)
    if wanted is None:
        turn.say(_("Write two currencies and a rate after the command, like this: /alert usd uah 41.5"))
        return
    pair, rate = wanted
    rate_now = _rate_now(pair)
    alert = alert_create(user_id=turn.acting.user_id, pair=pair, rate=rate, rate_now=rate_now)
    now = f"1 {pair.source} = {rate_text(rate_now)} {pair.target}"
    told = _("Now {rate}. I shall tell you once when it is {wanted} or more. Your alerts: /alerts")
    if not alert.above:
        told = _("Now {rate}. I shall tell you once when it is {wanted} or less. Your alerts: /alerts")
    turn.say(told.format(rate=now, wanted=rate_text(alert.rate)))


def _wanted(arguments: str) -> tuple[Pair, Decimal] | None:
    """``usd uah 41.5`` and ``USD/UAH 41,125``: in a rate a comma parts decimals, since thousands are not grouped."""
    found = _WANTED.fullmatch(arguments)
    if found is None:
        return None
    rate = Decimal(found[3].replace(",", "."))
    try:
        return (Pair.parse(f"{found[1]}_{found[2]}"), rate) if rate else None
    except WrongPair:
        return None


def _rate_now(pair: Pair) -> Decimal:
    offered = {Pair(each.from_currency, each.to_currency): each.rate for each in web().offer().pairs}
    if pair not in offered:
        raise Refused("unknown_pair", f"{pair.title} is not exchanged here.")
    rate = offered[pair]
    if rate is None:
        raise Refused("rate_missing", f"There is no rate of {pair.title}.")
    return rate


def _list(turn: Turn, _arguments: str) -> None:
    alerts = list(TelegramAdapter().find_rate_alerts(turn.acting.user_id))
    if not alerts:
        turn.end()
        turn.say(_("You have no alerts. To set one: /alert usd uah 41.5"), in_place=True)
        return
    lines = [_("I shall tell you of these rates. To delete one, press it."), *map(_line, alerts)]
    rows = [[Button(f"✕ {_line(alert)}", alert.pk.hex)] for alert in alerts]
    turn.ask(DIALOGUE.state("list"), "\n".join(lines), rows, in_place=True)


def _line(alert: RateAlert) -> str:
    """``1 USD ≥ 41.5 UAH``"""
    return f"1 {alert.from_currency} {'≥' if alert.above else '≤'} {rate_text(alert.rate)} {alert.to_currency}"


def _delete(turn: Turn, value: str) -> None:
    alert_delete(user_id=turn.acting.user_id, alert_id=UUID(value))
    turn.tell(_("Deleted."))
    _list(turn, "")


DIALOGUE = Dialogue("alerts", {"list": Step(gettext_lazy("Please press an alert."), on_press=_delete)}, linked=True)
COMMAND = Command("alert", gettext_lazy("Be told of a rate"), _alert, linked=True)
LIST_COMMAND = Command("alerts", gettext_lazy("Your rate alerts"), _list, linked=True)
