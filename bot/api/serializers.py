from rest_framework import serializers

from bot.models import Conversation, Message


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    class Meta:
        model = Conversation
        fields = ("id", "telegram_user_id", "user_id", "state", "created_at", "updated_at")
        read_only_fields = fields


class MessageSerializer(serializers.ModelSerializer[Message]):
    class Meta:
        model = Message
        fields = ("id", "conversation_id", "message_id", "message_type", "content", "sent_at")
        read_only_fields = fields
