"""What commands and dialogues are declared with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from bot.dialogues.turn import Turn

Handler = Callable[[Turn, str], None]
"""Given the turn and what was said: a command's arguments, a text, or the value of a pressed button.

It may let WebDown and any Refused through: the person is told then, and the dialogue stays where it was. What it asks
others to do must be harmless to do again, since an update is handled again when its transaction fails.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """``/name``. ``description`` is what Telegram's menu and /help say of it.

    A ``linked`` one is for people who have linked their account; one that ``interrupts`` ends the dialogue under way.
    """

    name: str
    description: Promise
    handle: Handler
    linked: bool = False
    interrupts: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A point of a dialogue at which it waits. Where it takes no text, or no press, ``hint`` says what it waits for."""

    hint: Promise
    on_text: Handler | None = None
    on_press: Handler | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A state machine: its steps by name. A conversation in one is in the state ``<dialogue>.<step>``.

    A ``linked`` one ends when its person has unlinked the account meanwhile.
    """

    name: str
    steps: Mapping[str, Step]
    linked: bool = False

    def state(self, step: str) -> str:
        """The state of a step; raises KeyError where there is none of this name."""
        self.steps[step]
        return f"{self.name}.{step}"


OpensByLink = Callable[[Turn, str], bool]
"""Answers /start with what a deep link carries (t.me/bot?start=…), and says whether it did."""
