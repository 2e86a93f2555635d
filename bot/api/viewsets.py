from uuid import UUID

from django.db.models import QuerySet
from rest_framework import viewsets
from rest_framework.request import Request

from bot.adapter import TelegramAdapter
from bot.api.filters import ConversationFilter, MessageFilter
from bot.api.serializers import ConversationSerializer, MessageSerializer
from bot.models import Conversation, Message

VIEW_ALL = "bot.view_all"


class ConversationViewSet(viewsets.ReadOnlyModelViewSet[Conversation]):
    """A linked client's own conversations; everybody's with the permission ``bot.view_all``."""

    serializer_class = ConversationSerializer
    filterset_class = ConversationFilter
    ordering = ("-updated_at", "-id")
    queryset = Conversation.objects.none()  # for the schema; requests get their own below

    def get_queryset(self) -> QuerySet[Conversation]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return TelegramAdapter().find_conversations(_whose(self.request))


class MessageViewSet(viewsets.ReadOnlyModelViewSet[Message]):
    """The messages of the conversations that one may see, newest first."""

    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    ordering = ("-sent_at", "-id")
    queryset = Message.objects.none()  # for the schema; requests get their own below

    def get_queryset(self) -> QuerySet[Message]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return TelegramAdapter().find_messages(_whose(self.request))


def _whose(request: Request) -> UUID | None:
    return None if request.user.has_perm(VIEW_ALL) else request.user.pk
