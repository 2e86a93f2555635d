"""What the telegram application caches."""

from collections.abc import Callable
from typing import Any

from bot.models import Conversation
from exchanger.kernel.cache.application import ApplicationCache
from exchanger.kernel.cache.leases import Loaded, unlink
from exchanger.kernel.cache.namespaces import COMMANDS, CONVERSATIONS, CacheKey
from exchanger.kernel.contexts import Context


class TelegramCache(ApplicationCache):
    """Conversations under ``cache:telegram:conversations:{telegram_user_id}``, for 24 hours, and gone with each change;
    what commands answer to everybody under ``cache:telegram:commands:…``, for an hour.
    """

    context = Context.TELEGRAM

    def get_conversation(self, telegram_user_id: int) -> dict[str, Any] | None:
        """``user_id``, ``state`` and ``context`` of a chat, for showing: a turn reads the row, which it locks."""
        conversation: dict[str, Any] | None = self._read(
            CONVERSATIONS, telegram_user_id, lambda: _load_conversation(telegram_user_id)
        )
        return conversation

    def get_help(self, language: str, make: Callable[[], str]) -> str:
        """What /help says, made by ``make`` where nobody has in the last hour."""
        text: str = self._read(COMMANDS, f"help:{language}", lambda: Loaded(make()))
        return text

    def forget_help(self, languages: list[str]) -> None:
        """Have it made anew: the process may be of another version than the one that made it.

        Raises:
            RedisError: Redis did not confirm it.
        """
        unlink(COMMANDS.key(f"help:{language}") for language in languages)


def conversation_keys(telegram_user_id: int) -> list[CacheKey]:
    """What a change of the chat's conversation has to drop."""
    return CONVERSATIONS.deletable_keys(telegram_user_id)


def _load_conversation(telegram_user_id: int) -> Loaded | None:
    found = Conversation.objects.filter(telegram_user_id=telegram_user_id).values("user_id", "state", "context").first()
    return None if found is None else Loaded(found)
