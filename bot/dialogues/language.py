"""/language: in which language the bot answers in this chat."""

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.turn import Button, Turn
from bot.languages import NAMES


def _ask(turn: Turn, _arguments: str) -> None:
    rows = [[Button(name, code)] for code, name in NAMES.items()]
    turn.ask(DIALOGUE.state("choosing"), _("Which language shall I speak?"), rows)


def _chosen(turn: Turn, code: str) -> None:
    turn.standing.choose_language(code, turn.person.user_id if turn.person else None)
    turn.end()
    with translation.override(code):
        turn.say(_("From now on I speak English."), in_place=True)


DIALOGUE = Dialogue(
    "language", {"choosing": Step(gettext_lazy("Please press one of the languages."), on_press=_chosen)}
)
COMMAND = Command("language", gettext_lazy("Choose the language"), _ask)
