"""Every read of the bot database that the telegram application makes."""

from uuid import UUID

from django.db.models import QuerySet

from bot.models import Conversation, Message
from exchanger.kernel.contexts import Context, require


class TelegramAdapter:
    """The adapter of the telegram application; a process of another context cannot make one."""

    context = Context.TELEGRAM

    def __init__(self) -> None:
        require(self.context)

    def find_conversations(self, user_id: UUID | None = None) -> QuerySet[Conversation]:
        """A linked person's own conversations; everybody's where ``user_id`` is None."""
        conversations = Conversation.objects.all()
        return conversations if user_id is None else conversations.filter(user_id=user_id)

    def find_messages(self, user_id: UUID | None = None) -> QuerySet[Message]:
        """The messages of ``find_conversations``."""
        messages = Message.objects.all()
        return messages if user_id is None else messages.filter(conversation__user_id=user_id)
