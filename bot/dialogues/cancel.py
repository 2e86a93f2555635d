"""/cancel: leave whatever is under way, at any point of it."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues.declaration import Command
from bot.dialogues.standing import IDLE
from bot.dialogues.turn import Turn


def _cancel(turn: Turn, _arguments: str) -> None:
    if turn.standing.state == IDLE:
        turn.say(_("There is nothing to cancel."))
        return
    turn.end()
    turn.say(_("Cancelled. Nothing was done."))


COMMAND = Command("cancel", gettext_lazy("Stop what is under way"), _cancel, interrupts=False)
