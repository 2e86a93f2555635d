"""/help: what there is, by the declarations that Telegram's menu is made of."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.cache import TelegramCache
from bot.dialogues.declaration import Command
from bot.dialogues.turn import Turn


def help_text(commands: Sequence[Command]) -> str:
    """In the active language."""
    lines = [f"/{command.name} – {command.description}" for command in commands if not command.linked]
    linked = [f"/{command.name} – {command.description}" for command in commands if command.linked]
    if linked:
        lines += ["", _("With a linked account:"), *linked]
    return "\n".join([_("What I can do:"), *lines])


def _help(turn: Turn, _arguments: str) -> None:
    turn.say(TelegramCache().get_help(turn.language, lambda: help_text(turn.commands)))


COMMAND = Command("help", gettext_lazy("What I can do"), _help, interrupts=False)
