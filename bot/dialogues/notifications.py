"""/notifications: which kinds of them a person wants, each with a button that switches it."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.adapter import TelegramAdapter
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.turn import Button, Turn
from bot.notification_kinds import Kind
from bot.services.notification_preferences import notification_kind_set

NAMES: Final[Mapping[Kind, Promise]] = {
    Kind.ORDERS: gettext_lazy("Orders"),
    Kind.PAYMENTS: gettext_lazy("Payments"),
    Kind.REFUNDS: gettext_lazy("Refunds"),
    Kind.ALERTS: gettext_lazy("Rate alerts"),
    Kind.BROADCASTS: gettext_lazy("News"),
}


def _show(turn: Turn, _arguments: str) -> None:
    wanted = TelegramAdapter().find_wanted_kinds(turn.acting.user_id)
    text = _("What I tell you of. Press a line to switch it. If your money is held up, I tell you in any case.")
    rows = [[Button(f"{'✓' if kind in wanted else '✗'} {name}", kind.value)] for kind, name in NAMES.items()]
    turn.ask(DIALOGUE.state("switching"), text, rows, in_place=True)


def _switch(turn: Turn, value: str) -> None:
    user_id, kind = turn.acting.user_id, Kind(value)
    wanted = TelegramAdapter().find_wanted_kinds(user_id)
    notification_kind_set(user_id=user_id, kind=kind, wanted=kind not in wanted)
    _show(turn, "")


DIALOGUE = Dialogue(
    "notifications", {"switching": Step(gettext_lazy("Please press a line."), on_press=_switch)}, linked=True
)
COMMAND = Command("notifications", gettext_lazy("What I tell you of"), _show, linked=True)
