from django_filters import rest_framework as filters

from bot.models import Conversation, Message


class ConversationFilter(filters.FilterSet):
    state = filters.CharFilter()

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = ()


class MessageFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    message_type = filters.CharFilter()

    class Meta:
        model = Message
        fields: tuple[str, ...] = ()
