"""/orders: the latest ones, page by page; /status: one of them, what comes next, and how to pay for it or cancel it."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues import payment
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.refusals import refusal_text
from bot.dialogues.turn import Button, Turn
from bot.dialogues.wording import amount_text, deadline, moment, rate_text
from bot.texts import order_number
from bot.web_answers import Order, WebRefused
from bot.web_api import web

PAGE: Final = 5
SEARCHED: Final = 100
"""Among so many of a person's latest orders one is found by its number."""

OLDER: Final = "older"
NEWEST: Final = "newest"
PAY: Final = "pay"
CANCEL: Final = "cancel"
YES: Final = "yes"
NO: Final = "no"
NOT_CANCELLABLE: Final = "order_status"
PENDING: Final = "pending"

STATUSES: Final[Mapping[str, Promise]] = {
    PENDING: gettext_lazy("waits for payment"),
    "paid": gettext_lazy("paid"),
    "processing": gettext_lazy("being processed"),
    "completed": gettext_lazy("completed"),
    "cancelled": gettext_lazy("cancelled"),
    "expired": gettext_lazy("expired"),
    "failed": gettext_lazy("failed"),
    "refunded": gettext_lazy("refunded"),
}
NEXT: Final[Mapping[str, Promise]] = {
    "paid": gettext_lazy("Your payment is here. You need not do anything: I shall tell you when it is exchanged."),
    "processing": gettext_lazy("You need not do anything: I shall tell you when it is completed."),
    "completed": gettext_lazy("The money is on its way to you. Another exchange: /exchange"),
    "cancelled": gettext_lazy("Nothing is to be done. A new order: /exchange"),
    "expired": gettext_lazy("No payment came in time. A new order: /exchange"),
    "failed": gettext_lazy("Your money is safe, and we are looking into it. You need not do anything."),
    "refunded": gettext_lazy("Your money is on its way back. A new order: /exchange"),
}


def _orders(turn: Turn, _arguments: str) -> None:
    _list(turn, "")


def _list(turn: Turn, cursor: str) -> None:
    page = web().order_list(turn.acting, page_size=PAGE, cursor=cursor)
    if not page.items:
        turn.say(_("You have no orders yet. The first one: /exchange"))
        return
    buttons = [Button(order_number(order.id), order.id.hex) for order in page.items]
    ways = [Button(_("Newest"), NEWEST)] if cursor else []
    ways += [Button(_("Older"), OLDER)] if page.cursor else []
    lines = [_("Your orders, the newest first. Press one to see more of it."), ""]
    lines += [_line(turn, order) for order in page.items]
    rows = [buttons[:3], buttons[3:], ways]
    turn.ask(DIALOGUE.state("list"), "\n".join(lines), [row for row in rows if row], in_place=True, cursor=page.cursor)


def _line(turn: Turn, order: Order) -> str:
    """``1A2B3C4D · 100.00 USD → 4116.86 UAH · completed · 2026-11-23 18:05 (Europe/Kyiv)``"""
    exchanged = f"{amount_text(order.from_amount, order.from_currency)} → {_received(order)}"
    return f"{order_number(order.id)} · {exchanged} · {_status_text(order)} · {moment(order.created_at, turn.zone)}"


def _received(order: Order) -> str:
    return order.to_currency if order.to_amount is None else amount_text(order.to_amount, order.to_currency)


def _status_text(order: Order) -> str:
    return str(STATUSES.get(order.status, order.status))


def _picked(turn: Turn, value: str) -> None:
    if value in (OLDER, NEWEST):
        _list(turn, turn.data["cursor"] if value == OLDER else "")
    else:
        _show(turn, web().order_get(turn.acting, order_id=UUID(value)))


def _status(turn: Turn, number: str) -> None:
    order = _find(turn, number) if number else _latest(turn)
    if order is not None:
        _show(turn, order)


def _latest(turn: Turn) -> Order | None:
    newest = web().order_list(turn.acting, page_size=1).items
    if not newest:
        turn.say(_("You have no orders yet. The first one: /exchange"))
    return next(iter(newest), None)


def _find(turn: Turn, number: str) -> Order | None:
    """By the whole id, or by the number that texts call it by."""
    wanted = number.replace("-", "").lower()
    found: Order | None = None
    if re.fullmatch("[0-9a-f]{32}", wanted):
        found = web().order_get(turn.acting, order_id=UUID(wanted))
    elif re.fullmatch("[0-9a-f]{8}", wanted):
        latest = web().order_list(turn.acting, page_size=SEARCHED).items
        found = next((order for order in latest if order.id.hex.startswith(wanted)), None)
    if found is None:
        turn.say(_("There is no such order among your latest. All of them: /orders"))
    return found


def _show(turn: Turn, order: Order) -> None:
    """What there is to know of an order, with what can be done as buttons."""
    lines = [
        _("Order {number}: {status}").format(number=order_number(order.id), status=_status_text(order)),
        _("You give {amount}").format(amount=amount_text(order.from_amount, order.from_currency)),
        _("You get {amount}").format(amount=_received(order)),
        _("Rate: {rate}").format(
            rate=f"1 {order.from_currency} = {rate_text(order.exchange_rate)} {order.to_currency}"
        ),
        _("Placed {time}").format(time=moment(order.created_at, turn.zone)),
        "",
    ]
    if order.status != PENDING:
        if turn.standing.state != DIALOGUE.state("list"):  # of a list others can be pressed as well
            turn.end()
        turn.say("\n".join([*lines, str(NEXT.get(order.status, ""))]).rstrip())
        return
    rows = [[Button(_("Pay"), PAY), Button(_("Cancel the order"), CANCEL)]]
    turn.ask(DIALOGUE.state("order"), "\n".join([*lines, *_to_pay(turn, order)]), rows, order=str(order.id))


def _to_pay(turn: Turn, order: Order) -> list[str]:
    """Until when, and the instructions of the payment that is under way, if there is one."""
    if order.expires_at is not None and order.expires_at <= turn.now:
        return [_("The time to pay for this order is over. A new one: /exchange")]
    lines = []
    if order.expires_at is not None:
        lines.append(_("Pay before {time}, or the order expires.").format(time=deadline(order.expires_at, turn.zone)))
    payments = web().payment_list(turn.acting, order_id=order.id).items
    begun = next((each for each in payments if each.status == PENDING), None)
    return lines if begun is None else [*lines, "", payment.payment_text(begun)]


def _chosen(turn: Turn, value: str) -> None:
    order = web().order_get(turn.acting, order_id=UUID(turn.data["order"]))
    if order.status != PENDING:
        _show(turn, order)
    elif value == PAY:
        payment.ask_method(turn, order)
    else:
        question = _("Shall I cancel order {number}? Do not if you have paid for it.").format(
            number=order_number(order.id)
        )
        turn.ask(DIALOGUE.state("sure"), question, [[Button(_("Yes, cancel it"), YES), Button(_("No"), NO)]])


def _cancel(turn: Turn, value: str) -> None:
    order_id = UUID(turn.data["order"])
    number = order_number(order_id)
    if value == NO:
        turn.end()
        turn.say(_("Order {number} stays.").format(number=number), in_place=True)
        return
    try:
        web().order_cancel(turn.acting, order_id=order_id)
    except WebRefused as refused:
        if refused.code != NOT_CANCELLABLE:
            raise
        turn.say(refusal_text(refused), in_place=True)
        _show(turn, web().order_get(turn.acting, order_id=order_id))
        return
    turn.end()
    turn.say(_("Order {number} is cancelled.").format(number=number), in_place=True)


DIALOGUE = Dialogue(
    "orders",
    {
        "list": Step(gettext_lazy("Please press the number of an order."), on_press=_picked),
        "order": Step(gettext_lazy("Please press Pay or Cancel the order."), on_press=_chosen),
        "sure": Step(gettext_lazy("Please press Yes or No."), on_press=_cancel),
    },
    linked=True,
)
COMMAND = Command("orders", gettext_lazy("Your orders"), _orders, linked=True)
STATUS_COMMAND = Command("status", gettext_lazy("Where an order stands"), _status, linked=True)
