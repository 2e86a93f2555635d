"""/link and /start <code>: link the chat to an account, by a code of its owner's; /unlink: end that."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.refusals import refusal_text
from bot.dialogues.start import opens_by_link
from bot.dialogues.turn import Button, Turn
from bot.people import find_person
from identity.link_codes import is_code
from identity.services.telegram_links import LinkRefused, link_confirm, link_preview, telegram_account_unlink

YES: Final = "yes"
NO: Final = "no"
ALREADY: Final = "already_linked"


def _link(turn: Turn, code: str) -> None:
    if code:
        _preview(turn, code)
    elif turn.person is not None:
        turn.say(_("This chat is linked to your account already. To end that: /unlink"))
    else:
        turn.ask(
            LINK.state("code"),
            _("On the website, ask for a code that links Telegram to your account, and send it to me here."),
        )


@opens_by_link
def _opened(turn: Turn, payload: str) -> bool:
    if not is_code(payload):
        return False
    _preview(turn, payload)
    return True


def _preview(turn: Turn, code: str) -> None:
    """Show whose account it is before anything is linked: somebody else may have sent the code."""
    email = link_preview(code=code, telegram_user_id=turn.incoming.chat_id)
    question = _("Shall I link this chat to the account {email}? Confirm only if it is yours.").format(email=email)
    turn.ask(LINK.state("sure"), question, [[Button(_("Confirm"), YES), Button(_("No"), NO)]], code=code)


def _confirmed(turn: Turn, value: str) -> None:
    if value == NO:
        turn.end()
        turn.say(_("I have linked nothing."), in_place=True)
        return
    try:
        link_confirm(code=turn.data["code"], telegram_user_id=turn.incoming.chat_id)
    except LinkRefused as refused:
        if refused.code != ALREADY:  # as it is when this press was handled before, and its transaction failed
            turn.end()
            turn.say(refusal_text(refused), in_place=True)
            return
    turn.end()
    turn.person = find_person(turn.incoming.chat_id)
    turn.say(_("Your account is linked. Now you can exchange here: /exchange"), in_place=True)


def _ask_unlink(turn: Turn, _arguments: str) -> None:
    question = _("Shall I unlink your account from this chat? I shall not tell you of your orders here any more.")
    turn.ask(UNLINK.state("sure"), question, [[Button(_("Unlink"), YES), Button(_("No"), NO)]])


def _unlink(turn: Turn, value: str) -> None:
    turn.end()
    if value == NO:
        turn.say(_("Your account stays linked."), in_place=True)
        return
    telegram_account_unlink(telegram_user_id=turn.incoming.chat_id)
    turn.person = None
    turn.say(_("Your account is not linked to this chat any more."), in_place=True)


LINK = Dialogue(
    "link",
    {
        "code": Step(gettext_lazy("Please send me the code from the website."), on_text=_preview),
        "sure": Step(gettext_lazy("Please press Confirm or No."), on_press=_confirmed),
    },
)
UNLINK = Dialogue("unlink", {"sure": Step(gettext_lazy("Please press Unlink or No."), on_press=_unlink)}, linked=True)
LINK_COMMAND = Command("link", gettext_lazy("Link your account"), _link)
UNLINK_COMMAND = Command("unlink", gettext_lazy("Unlink your account"), _ask_unlink, linked=True)
