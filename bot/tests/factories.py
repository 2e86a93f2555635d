import uuid

import factory
from django.utils import timezone

from bot.messages import Direction, MessageType, message_content
from bot.models import (
    BotReply,
    BotState,
    BotUpdate,
    Broadcast,
    Conversation,
    InboxEvent,
    Message,
    Notification,
    UserCommand,
)
from exchanger.testing.factories import OwnedFactory


class ConversationFactory(OwnedFactory):
    class Meta:
        model = Conversation

    telegram_user_id = factory.Sequence(lambda n: 700_000_000 + n)


class MessageFactory(OwnedFactory):
    class Meta:
        model = Message

    conversation = factory.SubFactory(ConversationFactory)
    message_id = factory.Sequence(lambda n: n + 1)
    message_type = MessageType.TEXT
    content = message_content(Direction.IN, text="/rates")


class NotificationFactory(OwnedFactory):
    class Meta:
        model = Notification

    user_id = factory.LazyFunction(uuid.uuid4)
    message = "Your order is completed."
    notification_type = "order.completed"


class BroadcastFactory(OwnedFactory):
    class Meta:
        model = Broadcast

    texts = {"en": "We are open on Sunday.", "uk": "Працюємо в неділю.", "ru": "Работаем в воскресенье."}
    audience = {"language": "uk"}
    created_by = factory.LazyFunction(uuid.uuid4)


class BotStateFactory(OwnedFactory):
    class Meta:
        model = BotState

    key = factory.Sequence(lambda n: f"state.{n}")
    value = {"offset": 0}


class UserCommandFactory(OwnedFactory):
    class Meta:
        model = UserCommand

    telegram_user_id = 700_000_000
    command = "/rates"


class BotUpdateFactory(OwnedFactory):
    class Meta:
        model = BotUpdate

    update_id = factory.Sequence(lambda n: n + 1)
    chat_id = 700_000_000
    kind = "message"
    body = factory.LazyAttribute(
        lambda update: {
            "update_id": update.update_id,
            "message": {"message_id": 1, "chat": {"id": update.chat_id, "type": "private"}, "text": "/rates"},
        }
    )


class BotReplyFactory(OwnedFactory):
    class Meta:
        model = BotReply

    chat_id = 700_000_000
    method = "sendMessage"
    payload = {"text": "Hello!"}


class InboxEventFactory(OwnedFactory):
    class Meta:
        model = InboxEvent

    id = factory.LazyFunction(uuid.uuid4)
    order_id = factory.LazyFunction(uuid.uuid4)
    sequence = 1
    event_type = "order.created"
    event_data = {}
    occurred_at = factory.LazyFunction(timezone.now)
