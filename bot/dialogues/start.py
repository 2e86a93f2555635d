"""/start: a greeting, or whatever a deep link opens."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues.declaration import Command, OpensByLink
from bot.dialogues.turn import Turn

_openers: list[OpensByLink] = []


def opens_by_link(opener: OpensByLink) -> OpensByLink:
    """Register what answers deep links: each is asked in turn, until one says that the link was its own."""
    _openers.append(opener)
    return opener


def _start(turn: Turn, payload: str) -> None:
    if payload and any(opener(turn, payload) for opener in list(_openers)):
        return
    if payload:
        turn.say(_("This link is of no use here any more. Ask for a new one where you got it."))
        return
    turn.say(_("Hello! I show exchange rates: /rates. Everything else that I can do: /help"))


COMMAND = Command("start", gettext_lazy("Begin"), _start)
