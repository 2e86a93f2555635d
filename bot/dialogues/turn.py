"""One turn of a conversation: what a handler is told, and what it answers."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bot.dialogues.standing import Standing
from bot.incoming import Incoming
from bot.models.reply import ReplyMethod
from bot.people import UTC_ZONE, Person
from bot.web_api import Acting

if TYPE_CHECKING:
    from bot.dialogues.declaration import Command

MOST_CALLBACK_BYTES: Final = 64
"""What Telegram lets a button carry."""


@dataclass(frozen=True, slots=True)
class Button:
    """``value`` comes back when it is pressed; it is short, ASCII, and no secret."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Reply:
    method: ReplyMethod
    payload: dict[str, Any]


@dataclass(slots=True)
class Turn:
    """Handlers read what is before ``replies``, and answer by the methods. ``person`` is None where nobody is linked.

    Texts are said in ``language``, which is active while a handler runs.
    """

    incoming: Incoming
    person: Person | None
    language: str
    now: datetime
    standing: Standing
    commands: Sequence["Command"] = ()
    replies: list[Reply] = field(default_factory=list)
    notice: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """In which times are shown."""
        return UTC_ZONE if self.person is None else self.person.zone

    @property
    def acting(self) -> Acting:
        """For whom web is asked; there is somebody wherever a handler is for linked people."""
        if self.person is None:
            raise ValueError("Nobody is linked: declare the command or the dialogue as linked.")
        return Acting(self.person.user_id, self.incoming.chat_id)

    @property
    def data(self) -> dict[str, Any]:
        """What the dialogue knows so far."""
        return self.standing.data

    def say(self, text: str, *, in_place: bool = False) -> None:
        """Say something; ``in_place`` puts it where the pressed button was, which takes the buttons away."""
        self._reply(text, {}, in_place)

    def ask(
        self, step: str, text: str, rows: Sequence[Sequence[Button]] = (), *, in_place: bool = False, **data: Any
    ) -> None:
        """Go to a step and say what it wants; ``data`` is added to what the dialogue knows.

        Buttons of earlier steps do nothing from then on.
        """
        standing = self.standing
        standing.state, standing.token, standing.touched_at = step, secrets.token_hex(4), self.now
        standing.offered = tuple(button.value for row in rows for button in row)
        standing.data = standing.data | data
        keyboard = [[_inline(button, standing.token) for button in row] for row in rows]
        self._reply(text, {"reply_markup": {"inline_keyboard": keyboard}} if keyboard else {}, in_place)

    def tell(self, notice: str) -> None:
        """What is shown over the chat for a moment, in answer to a press."""
        self.notice = notice

    def end(self) -> None:
        """End the dialogue."""
        self.standing.end()

    def _reply(self, text: str, markup: dict[str, Any], in_place: bool) -> None:
        if in_place and self.incoming.press is not None and self.incoming.message_id:
            payload = {"message_id": self.incoming.message_id, "text": text, **markup}
            self.replies.append(Reply(ReplyMethod.EDIT, payload))
        else:
            self.replies.append(Reply(ReplyMethod.SEND, {"text": text, **markup}))


def pressed_value(standing: Standing, data: str) -> str | None:
    """What the button means in the step that the conversation is in; None for any other button, or none of ours."""
    token, _, value = data.partition(":")
    if not standing.token or not secrets.compare_digest(token.encode(), standing.token.encode()):
        return None
    return value if value in standing.offered else None


def _inline(button: Button, token: str) -> dict[str, str]:
    data = f"{token}:{button.value}"
    if len(data.encode()) > MOST_CALLBACK_BYTES:
        raise ValueError(f"A button carries at most {MOST_CALLBACK_BYTES} bytes: {button.value!r} is too long")
    return {"text": button.label, "callback_data": data}
