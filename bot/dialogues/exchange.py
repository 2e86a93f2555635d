"""/exchange: from, to, how much, at which terms, and whether; what is ordered is then paid for (``payment``).

Everything that web is asked to do can be asked again. A quote binds nobody, and an order's idempotency key is made of
its quote: an update that is handled again, and a button that is pressed again after web did not answer, get the same
order.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.amounts import WrongAmount, parse_amount
from bot.configuration import recent_configuration
from bot.dialogues import payment
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.turn import Button, Turn
from bot.dialogues.wording import amount_hint, amount_text, deadline, percent_text, rate_text
from bot.texts import order_number
from bot.web_answers import OfferedPair, Quote, WebRefused
from bot.web_api import web
from exchanger.kernel.refusals import Refused

IN_A_ROW: Final = 4
CONFIRM: Final = "confirm"
ANOTHER: Final = "another"
CANCEL: Final = "cancel"
EXPIRED: Final = "quote_expired"


class NotOffered(Refused):
    """What was chosen is not on offer, or is not any more."""


def _begin(turn: Turn, _arguments: str) -> None:
    sources = [pair.from_currency for pair in _pairs()]
    turn.ask(DIALOGUE.state("source"), _("Which currency do you give?"), _rows(sources))


def _source(turn: Turn, code: str) -> None:
    targets = [pair.to_currency for pair in _pairs() if pair.from_currency == code]
    question = _("You give {currency}. Which currency do you want?").format(currency=code)
    turn.ask(DIALOGUE.state("target"), question, _rows(targets), in_place=True, source=code)


def _target(turn: Turn, code: str) -> None:
    _ask_amount(turn, turn.data["source"], code)


def _ask_amount(turn: Turn, source: str, target: str) -> None:
    pair = next((pair for pair in _pairs() if (pair.from_currency, pair.to_currency) == (source, target)), None)
    if pair is None:
        raise NotOffered("unknown_pair", f"{source}/{target} is not exchanged any more.")
    turn.ask(DIALOGUE.state("amount"), _terms(pair), in_place=True, source=source, target=target)


def _terms(pair: OfferedPair) -> str:
    assert pair.rate is not None
    return "\n".join(
        [
            f"{pair.from_currency} → {pair.to_currency}",
            f"1 {pair.from_currency} = {rate_text(pair.rate)} {pair.to_currency}",
            _("Fee: {share} of what you get").format(share=percent_text(pair.fee)),
            "",
            _("How much {currency} do you give? From {least} to {most}.").format(
                currency=pair.from_currency, least=rate_text(pair.minimum), most=rate_text(pair.maximum)
            ),
            _("Or write what you want to get, with its currency: 5000 {currency}").format(currency=pair.to_currency),
        ]
    )


def _amount(turn: Turn, text: str) -> None:
    source, target = turn.data["source"], turn.data["target"]
    try:
        amount = parse_amount(text)
    except WrongAmount as error:
        turn.say(amount_hint(error))
        return
    if amount.currency not in (None, source, target):
        turn.say(_("Write the amount in {source} or in {target}.").format(source=source, target=target))
        return
    side = "to_amount" if amount.currency == target else "from_amount"
    _show_quote(turn, side, str(amount.value))


def _show_quote(turn: Turn, side: str, amount: str) -> None:
    pair = f"{turn.data['source']}_{turn.data['target']}".lower()
    quote = web().quote_create(turn.acting, pair=pair, **{side: Decimal(amount)})
    until = min(quote.expires_at, turn.now + recent_configuration().quote_timeout)
    turn.ask(
        DIALOGUE.state("quote"),
        _quote_text(turn, quote, until),
        [[Button(_("Confirm"), CONFIRM)], [Button(_("Another amount"), ANOTHER), Button(_("Cancel"), CANCEL)]],
        quote=str(quote.id),
        until=until.isoformat(),
        side=side,
        amount=amount,
    )


def _quote_text(turn: Turn, quote: Quote, until: datetime) -> str:
    return "\n".join(
        [
            _("You give {amount}").format(amount=amount_text(quote.from_amount, quote.from_currency)),
            _("You get {amount}").format(amount=amount_text(quote.to_amount, quote.to_currency)),
            _("Rate: {rate}").format(rate=f"1 {quote.from_currency} = {rate_text(quote.rate)} {quote.to_currency}"),
            _("Fee: {amount}, taken off already").format(amount=amount_text(quote.fee, quote.to_currency)),
            _("Firm until {time}").format(time=deadline(until, turn.zone)),
        ]
    )


def _answered(turn: Turn, value: str) -> None:
    if value == CONFIRM:
        _order(turn)
    elif value == ANOTHER:
        _ask_amount(turn, turn.data["source"], turn.data["target"])
    else:
        turn.end()
        turn.say(_("Cancelled. Nothing was done."), in_place=True)


def _order(turn: Turn) -> None:
    quote_id = turn.data["quote"]
    if turn.now >= datetime.fromisoformat(turn.data["until"]):
        _offer_anew(turn)
        return
    try:
        order = web().order_create(turn.acting, quote_id=UUID(quote_id), idempotency_key=f"chat-order-{quote_id}")
    except WebRefused as refused:
        if refused.code != EXPIRED:
            raise
        _offer_anew(turn)
        return
    turn.say(_("Order {number} is placed.").format(number=order_number(order.id)), in_place=True)
    payment.ask_method(turn, order)


def _offer_anew(turn: Turn) -> None:
    turn.say(_("The time to confirm is over. Here are new terms:"), in_place=True)
    _show_quote(turn, turn.data["side"], turn.data["amount"])


def _pairs() -> list[OfferedPair]:
    """What can be exchanged now, at least one pair."""
    offer = web().offer()
    if offer.maintenance_mode:
        raise NotOffered("maintenance", "The exchange is closed.")
    pairs = [pair for pair in offer.pairs if pair.rate is not None]
    if not pairs:
        raise NotOffered("not_configured", "No pair has a rate.")
    return pairs


def _rows(codes: Iterable[str]) -> list[list[Button]]:
    """A button for each currency, once."""
    buttons = [Button(code, code) for code in dict.fromkeys(codes)]
    return [buttons[start : start + IN_A_ROW] for start in range(0, len(buttons), IN_A_ROW)]


DIALOGUE = Dialogue(
    "exchange",
    {
        "source": Step(gettext_lazy("Please press one of the currencies."), on_press=_source),
        "target": Step(gettext_lazy("Please press one of the currencies."), on_press=_target),
        "amount": Step(gettext_lazy("Please write the amount."), on_text=_amount),
        "quote": Step(gettext_lazy("Please press Confirm, Another amount or Cancel."), on_press=_answered),
    },
    linked=True,
)
COMMAND = Command("exchange", gettext_lazy("Exchange money"), _begin, linked=True)
