"""How an order is paid for: the methods as buttons, then what to do."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues.declaration import Dialogue, Step
from bot.dialogues.refusals import refusal_text
from bot.dialogues.turn import Button, Turn
from bot.dialogues.wording import amount_text, deadline
from bot.texts import order_number
from bot.web_answers import Order, Payment, WebRefused
from bot.web_api import web

METHODS: Final[Mapping[str, Promise]] = {
    "card": gettext_lazy("By card"),
    "bank_transfer": gettext_lazy("By bank transfer"),
}
LATER: Final = "later"
UNAVAILABLE: Final = "payment_method_unavailable"
OVER: Final = ("order_not_pending", "order_expired")


def ask_method(turn: Turn, order: Order) -> None:
    """Ask how a pending order will be paid for."""
    lines = [_("To pay: {amount}").format(amount=amount_text(order.from_amount, order.from_currency))]
    if order.expires_at is not None:
        lines.append(_("Pay before {time}, or the order expires.").format(time=deadline(order.expires_at, turn.zone)))
    lines.append(_("How will you pay?"))
    _ask(turn, order.id, "\n".join(lines), list(METHODS))


def payment_text(payment: Payment) -> str:
    """What to do to pay, in the active language."""
    said, amount = payment.instructions, amount_text(payment.amount, payment.currency)
    if "checkout_url" in said:
        return "\n".join([_("Pay {amount} by card here:").format(amount=amount), said["checkout_url"]])
    names = {
        "recipient": _("Recipient"),
        "iban": "IBAN",
        "bank": _("Bank"),
        "purpose": _("Purpose, exactly so"),
    }
    details = [f"{name}: {said[key]}" for key, name in names.items() if key in said]
    return "\n".join([_("Send {amount} by bank transfer:").format(amount=amount), *details])


def _ask(turn: Turn, order_id: UUID, text: str, methods: list[str]) -> None:
    rows = [[Button(str(METHODS[method]), method)] for method in methods]
    turn.ask(DIALOGUE.state("method"), text, [*rows, [Button(_("Later"), LATER)]], order=str(order_id))


def _method(turn: Turn, method: str) -> None:
    order_id = UUID(turn.data["order"])
    number = order_number(order_id)
    if method == LATER:
        turn.end()
        turn.say(_("You can pay for the order later: /status {number}").format(number=number), in_place=True)
        return
    # The token is of these buttons alone: pressed again, they begin the same payment, and later ones another.
    key = f"chat-payment-{order_id}-{turn.standing.token}-{method}"
    try:
        payment = web().payment_start(turn.acting, order_id=order_id, payment_method=method, idempotency_key=key)
    except WebRefused as refused:
        _refused(turn, order_id, refused)
        return
    turn.end()
    turn.say(str(METHODS[method]), in_place=True)
    turn.say(payment_text(payment))
    turn.say(
        _("I shall tell you when the money is here. Where the order stands: /status {number}").format(number=number)
    )


def _refused(turn: Turn, order_id: UUID, refused: WebRefused) -> None:
    if refused.code in OVER:
        turn.end()
        turn.say(refusal_text(refused), in_place=True)
        return
    offered = refused.details.get("offered") if refused.code == UNAVAILABLE else None
    known = [method for method in METHODS if isinstance(offered, list) and method in offered]
    if not known:
        raise refused
    text = "\n".join([refusal_text(refused), _("How will you pay?")])
    _ask(turn, order_id, text, known)


DIALOGUE = Dialogue(
    "payment",
    {"method": Step(gettext_lazy("Please press one of the ways to pay."), on_press=_method)},
    linked=True,
)
