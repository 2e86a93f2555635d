"""Where a conversation stands, as ``conversations.state`` and ``context`` hold it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

IDLE: Final = "idle"


@dataclass(slots=True)
class Standing:
    """``state`` is IDLE or a step, ``<dialogue>.<step>``.

    Of a step: ``token`` is what its buttons carry, ``offered`` what can be pressed, ``data`` what the dialogue knows
    so far, ``touched_at`` when the person said something last. ``language`` was chosen in the chat, while it was the
    person's of ``language_of`` ("" while it was nobody's).
    """

    state: str = IDLE
    token: str = ""
    offered: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    touched_at: datetime | None = None
    language: str = ""
    language_of: str = ""

    @classmethod
    def read(cls, state: str, context: Any) -> Self:
        """What the columns say; idle where they make no sense."""
        context = context if isinstance(context, dict) else {}
        standing = cls(language=str(context.get("language", "")), language_of=str(context.get("language_of", "")))
        try:
            dialogue: Mapping[str, Any] = context["dialogue"]
            standing.token, standing.offered = str(dialogue["token"]), tuple(map(str, dialogue["offered"]))
            standing.data = dict(dialogue["data"])
            standing.touched_at = datetime.fromisoformat(dialogue["touched_at"])
        except (KeyError, TypeError, ValueError):
            return standing
        standing.state = state
        return standing

    @property
    def context(self) -> dict[str, Any]:
        """The column's value."""
        context: dict[str, Any] = {}
        if self.language:
            context |= {"language": self.language, "language_of": self.language_of}
        if self.state != IDLE and self.touched_at is not None:
            context["dialogue"] = {
                "token": self.token,
                "offered": list(self.offered),
                "data": self.data,
                "touched_at": self.touched_at.isoformat(),
            }
        return context

    def is_over(self, now: datetime, timeout: timedelta) -> bool:
        """Whether a dialogue has waited for a word for too long."""
        return self.state != IDLE and self.touched_at is not None and now - self.touched_at > timeout

    def end(self) -> None:
        """Be in no dialogue."""
        self.state, self.token, self.offered, self.data, self.touched_at = IDLE, "", (), {}, None

    def choose_language(self, code: str, user_id: UUID | None) -> None:
        """Answer in it from now on, until the account is linked or unlinked."""
        self.language, self.language_of = code, _owner(user_id)

    def chosen_language(self, user_id: UUID | None) -> str:
        """The language that was chosen in the chat, "" where none was, or it was while the chat was another's."""
        return self.language if self.language_of == _owner(user_id) else ""


def _owner(user_id: UUID | None) -> str:
    return "" if user_id is None else str(user_id)
