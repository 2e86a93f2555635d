"""Which handler a turn belongs to, and what is said where it belongs to none."""

import logging
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Final

from django.utils import translation
from django.utils.translation import gettext as _

from bot.configuration import recent_configuration
from bot.declared_texts import MAINTENANCE
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.refusals import refusal_text
from bot.dialogues.standing import IDLE
from bot.dialogues.turn import Reply, Turn, pressed_value
from bot.models.reply import ReplyMethod
from bot.texts import text_of
from bot.web_api import NOT_LINKED, WebDown
from exchanger.kernel.refusals import Refused

logger = logging.getLogger(__name__)

_COMMAND: Final = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@\w+)?(?:\s+(.*))?", re.ASCII | re.DOTALL)
JOINED: Final = ("member", "administrator")


def parse_command(text: str) -> tuple[str, str] | None:
    """The name and the arguments of a command, such as ``rates`` and ``usd`` of ``/Rates@bot usd``; else None."""
    found = _COMMAND.fullmatch(text.strip())
    return None if found is None else (found[1].lower(), (found[2] or "").strip())


class Engine:
    """The commands and dialogues of the bot, by name."""

    def __init__(self, commands: Sequence[Command], dialogues: Sequence[Dialogue]) -> None:
        self.commands = tuple(commands)
        self._commands: Mapping[str, Command] = {command.name: command for command in commands}
        self._steps: Mapping[str, Step] = {
            dialogue.state(name): step for dialogue in dialogues for name, step in dialogue.steps.items()
        }
        self._linked = {dialogue.state(name) for dialogue in dialogues if dialogue.linked for name in dialogue.steps}

    def respond(self, turn: Turn) -> None:
        """Let the turn be handled: its replies and its standing are then as they should be."""
        turn.commands = self.commands
        with translation.override(turn.language):
            if not turn.incoming.is_private:
                self._in_a_group(turn)
            elif not turn.incoming.is_bots and turn.incoming.kind != "my_chat_member":
                self._in_private(turn)
            if turn.incoming.press is not None and turn.incoming.press.query_id:
                turn.replies.insert(0, _answer(turn))

    def _in_a_group(self, turn: Turn) -> None:
        """Said once, when somebody adds the bot; what is said in groups is nothing to it."""
        if turn.incoming.kind == "my_chat_member" and turn.incoming.member in JOINED:
            turn.say(_("I only talk in private chats. Write to me directly."))

    def _in_private(self, turn: Turn) -> None:
        configuration = recent_configuration()
        if configuration.maintenance_mode:
            turn.say(text_of(MAINTENANCE, turn.language))
            return
        self._expire(turn, configuration.dialogue_timeout)
        if turn.person is not None and turn.person.blocked and turn.standing.state in self._linked:
            self._blocked(turn)
            return
        self._require_person(turn)
        self._try(turn)
        if turn.standing.state != IDLE:
            turn.standing.touched_at = turn.now

    def _expire(self, turn: Turn, timeout: timedelta) -> None:
        if turn.standing.is_over(turn.now, timeout):
            turn.end()
            turn.say(_("We did not finish last time, and I have stopped waiting. Nothing was done."))
        elif turn.standing.state not in (IDLE, *self._steps):
            turn.end()  # the dialogue is not there any more

    def _require_person(self, turn: Turn) -> None:
        if turn.person is None and turn.standing.state in self._linked:
            self._unlinked(turn)

    def _unlinked(self, turn: Turn) -> None:
        turn.end()
        turn.say(_("Your account is not linked to this chat any more, so I have stopped. To link it: /link"))

    def _blocked(self, turn: Turn) -> None:
        turn.end()
        turn.say(_("Your account is blocked. Please write to our support."))

    def _try(self, turn: Turn) -> None:
        """Where a handler is refused, or web does not answer it, all is as before, and the person can try again."""
        before, said = deepcopy(turn.standing), len(turn.replies)
        try:
            self._dispatch(turn)
        except (WebDown, Refused) as error:
            turn.standing, turn.replies[said:] = before, []
            if isinstance(error, WebDown):
                logger.warning("Web does not answer: %s", error)
                turn.say(_("I cannot reach the exchange at the moment. Please try again in a few minutes."))
            elif error.code == NOT_LINKED:
                self._unlinked(turn)
            else:
                turn.say(refusal_text(error))

    def _dispatch(self, turn: Turn) -> None:
        incoming = turn.incoming
        if incoming.press is not None:
            self._press(turn, incoming.press.data)
        elif incoming.kind == "edited_message":
            if turn.standing.state != IDLE:
                turn.say(_("I do not read changed messages. Please send it again as a new one."))
        elif (found := parse_command(incoming.text)) is not None:
            self._command(turn, *found)
        elif incoming.text:
            self._text(turn, incoming.text)
        elif incoming.media:
            self._unreadable(turn)

    def _command(self, turn: Turn, name: str, arguments: str) -> None:
        command = self._commands.get(name)
        if command is None:
            turn.say(_("I do not know the command /{name}. What I can do: /help").format(name=name))
            return
        if command.linked and turn.person is None:
            turn.say(_("For this I need to know who you are: link your account first. How: /link"))
            return
        if command.linked and turn.person is not None and turn.person.blocked:
            self._blocked(turn)
            return
        if command.interrupts:
            turn.end()
        command.handle(turn, arguments)

    def _text(self, turn: Turn, text: str) -> None:
        step = self._steps.get(turn.standing.state)
        if step is None:
            turn.say(_("I did not understand that. What I can do: /help"))
        elif step.on_text is None:
            turn.say(_hint(step))
        else:
            step.on_text(turn, text.strip())

    def _unreadable(self, turn: Turn) -> None:
        step = self._steps.get(turn.standing.state)
        turn.say(_("I read text only. What I can do: /help") if step is None else _hint(step))

    def _press(self, turn: Turn, data: str) -> None:
        step = self._steps.get(turn.standing.state)
        value = pressed_value(turn.standing, data)
        if step is None or step.on_press is None or value is None:
            turn.tell(_("This button is not in use any more."))
        else:
            step.on_press(turn, value)


def _hint(step: Step) -> str:
    return "{}\n{}".format(step.hint, _("To stop: /cancel"))


def _answer(turn: Turn) -> Reply:
    assert turn.incoming.press is not None
    payload = {"callback_query_id": turn.incoming.press.query_id}
    return Reply(ReplyMethod.ANSWER, {**payload, "text": turn.notice} if turn.notice else payload)
