"""When the next message may go: Telegram's limits, which all senders keep together."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from exchanger.kernel.cache.pace import Grant, Pace

AHEAD_SECONDS = 0.05
"""How far in advance messages are promised: so much a stall lets through at once, and a pause comes too late for."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The first ``len(chat_waits)`` may go, one a ``step`` after ``wait`` seconds; None at all: ask again after it.

    ``chat_waits`` are above 0 for those whose chat has got a message a moment ago.
    """

    wait: float
    step: float
    chat_waits: tuple[float, ...]


class Limits:
    """The pace of all senders together, and of each chat.

    Who promises more ``ahead`` than others goes before them: they get nothing until that much is over.
    """

    def __init__(self, ahead: float = AHEAD_SECONDS) -> None:
        self._all = Pace("all", per_second=settings.TELEGRAM_MESSAGES_PER_SECOND, ahead=ahead)
        self._per_chat = settings.TELEGRAM_CHAT_MESSAGES_PER_SECOND

    def obey(self, messages_per_second: int | None) -> None:
        """Go as slowly as operators want, and never faster than the deployment allows."""
        allowed = settings.TELEGRAM_MESSAGES_PER_SECOND
        pace = allowed if messages_per_second is None else min(allowed, messages_per_second)
        if self._all.step != 1 / pace:
            self._all = Pace("all", per_second=pace, ahead=self._all.ahead)

    def admit(self, chats: Sequence[int]) -> Admission:
        """What may go to ``chats``, in their order."""
        grant = self._all.take(len(chats))
        waits = tuple(self._chat_wait(chat_id) for chat_id in chats[: grant.count])
        return Admission(grant.wait, self._all.step, waits)

    def admit_one(self) -> Grant:
        """Whether one more may go at all."""
        return self._all.take()

    def admit_to(self, chat_id: int) -> Grant:
        """Whether one more may go to the chat."""
        return Pace(f"chat:{chat_id}", per_second=self._per_chat).take()

    def hold(self, seconds: float) -> None:
        """Telegram wants to hear nothing for so long: none of the senders goes on before."""
        self._all.hold(seconds)

    def _chat_wait(self, chat_id: int) -> float:
        grant = self.admit_to(chat_id)
        return 0.0 if grant.count else grant.wait
