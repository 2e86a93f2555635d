"""The rows of the bot's database."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from bot.messages import Direction, message_content
from bot.models import BotState, Conversation, Message, Notification, UserCommand
from bot.tests.factories import (
    BotStateFactory,
    ConversationFactory,
    MessageFactory,
    NotificationFactory,
    UserCommandFactory,
)
from exchanger.demo.broadcasts import FAILURE
from exchanger.demo.chats import Chat
from exchanger.demo.ids import demo_id
from exchanger.demo.plan import Plan

_NEXT_TRY: Final = timedelta(seconds=10)  # it is due: what is put off keeps the chat's later news waiting
_FIRST_MESSAGE: Final = 101  # Telegram numbers the messages of a chat itself


def conversations(chats: list[Chat]) -> list[Conversation]:
    return [
        ConversationFactory.build(
            id=conversation_id(chat.telegram_user_id),
            telegram_user_id=chat.telegram_user_id,
            user_id=chat.person.id if chat.person else None,
            state=chat.state,
            context=chat.context,
            blocked_at=chat.blocked_at,
            created_at=chat.said[0].at,
            updated_at=chat.said[-1].at,
        )
        for chat in chats
    ]


def messages(chats: list[Chat]) -> list[Message]:
    return [
        MessageFactory.build(
            id=demo_id("message", chat.telegram_user_id, number),
            conversation=Conversation(id=conversation_id(chat.telegram_user_id)),
            message_id=_FIRST_MESSAGE + number,
            message_type=said.type,
            content=message_content(said.direction, **({"text": said.text} if said.text else {}), **said.fields),
            sent_at=said.at,
        )
        for chat in chats
        for number, said in enumerate(chat.said)
    ]


def user_commands(chats: list[Chat]) -> list[UserCommand]:
    """Every message to the bot that is a command."""
    return [
        UserCommandFactory.build(
            id=demo_id("command", chat.telegram_user_id, number),
            telegram_user_id=chat.telegram_user_id,
            command=said.text,
            parameters={},
            executed_at=said.at,
        )
        for chat in chats
        for number, said in enumerate(chat.said)
        if said.direction is Direction.IN and said.text.startswith("/")
    ]


def notifications(chats: list[Chat]) -> list[Notification]:
    """All of them; the first that waits has been tried in vain."""
    rows = [row for chat in chats for row in (*_notifications(chat), *_broadcasted(chat))]
    waiting = next((row for row in rows if not row.sent and row.broadcast_id is None), None)
    if waiting is not None:
        waiting.attempts, waiting.failure = 2, "Bad Gateway"
        waiting.next_attempt_at = waiting.created_at + _NEXT_TRY
    return rows


def broadcasts_made(rows: list[Notification]) -> dict[UUID, int]:
    """How many notifications each broadcast has become."""
    return Counter(row.broadcast_id for row in rows if row.broadcast_id is not None)


def bot_states(plan: Plan) -> list[BotState]:
    """What the bot remembers, where it does not remember it already."""
    linked = sum(client.telegram_user_id is not None for client in plan.people.clients)
    remembered = {
        "broadcast.last": {"text": "Працюємо у святковий день з 10 до 18.", "recipients": linked},
        "rates_digest.last": {"day": plan.anchor.date().isoformat()},
    }
    taken = set(BotState.objects.values_list("key", flat=True))
    return [
        BotStateFactory.build(
            id=demo_id("state", key), key=key, value=value, updated_at=plan.anchor - timedelta(days=days, hours=1)
        )
        for days, (key, value) in enumerate(remembered.items())
        if key not in taken
    ]


def _notifications(chat: Chat) -> Iterator[Notification]:
    for news in chat.news:
        yield NotificationFactory.build(
            id=demo_id("notification", news.story.number, news.status),
            user_id=news.story.client.id,
            telegram_user_id=chat.telegram_user_id,
            message=news.text,
            notification_type=f"order.{news.status}",
            sent=news.sent_at is not None,
            sent_at=news.sent_at,
            created_at=news.at,
            next_attempt_at=news.at,
        )


def _broadcasted(chat: Chat) -> Iterator[Notification]:
    for told in chat.broadcasted:
        assert chat.person is not None  # strangers have none
        yield NotificationFactory.build(
            id=demo_id("notification", told.circular.key, chat.telegram_user_id),
            user_id=chat.person.id,
            telegram_user_id=chat.telegram_user_id,
            message=told.text,
            notification_type="broadcast.message",
            broadcast_id=told.circular.id,
            sent=told.sent_at is not None,
            sent_at=told.sent_at,
            dead_at=told.dead_at,
            attempts=1 if told.dead_at else 0,
            failure=FAILURE if told.dead_at else "",
            created_at=told.at,
            next_attempt_at=told.at,
        )


def conversation_id(telegram_user_id: int) -> UUID:
    return demo_id("conversation", telegram_user_id)
