from uuid import UUID

from django.db.models import QuerySet
from rest_framework import viewsets
from rest_framework.request import Request

from bot.adapter import TelegramAdapter
from bot.api.filters import ConversationFilter, MessageFilter
from bot.api.serializers import ConversationSerializer, MessageSerializer
from bot.models import Conversation, Message
from exchanger.kernel.own_rows import OwnRows
from identity.api.requests import person_id

VIEW_ALL = "bot.view_all"


class ConversationViewSet(OwnRows[Conversation], viewsets.ReadOnlyModelViewSet[Conversation]):
    """A linked client's own conversations; everybody's with the permission ``bot.view_all``."""

    serializer_class = ConversationSerializer
    filterset_class = ConversationFilter
    ordering = ("-updated_at", "-id")
    queryset = Conversation.objects.none()

    def own_rows(self) -> QuerySet[Conversation]:
        return TelegramAdapter().find_conversations(_whose(self.request))


class MessageViewSet(OwnRows[Message], viewsets.ReadOnlyModelViewSet[Message]):
    """The messages of the conversations that one may see, newest first."""

    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    ordering = ("-sent_at", "-id")
    queryset = Message.objects.none()

    def own_rows(self) -> QuerySet[Message]:
        return TelegramAdapter().find_messages(_whose(self.request))


def _whose(request: Request) -> UUID | None:
    return None if request.user.has_perm(VIEW_ALL) else person_id(request)
