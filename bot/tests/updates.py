"""Updates as Telegram would bring them, and what handling them leaves, without any process."""

from itertools import count

from django.db import connections

from bot.incoming import read_update
from bot.models import BotReply, Conversation
from bot.services.update_handling import update_handle_next
from bot.services.updates import updates_store
from exchanger.testing import factories
from identity.models import UserProfile
from identity.tests.factories import UserFactory

CHAT = 7001
_numbers = count(1000)


def message(text=None, *, chat_id=CHAT, update_id=None, kind="message", language="en", chat_type="private", **fields):
    number = next(_numbers)
    sender = {"id": CHAT if chat_id < 0 else chat_id, "is_bot": False, "first_name": "Anna", "language_code": language}
    content = {
        "message_id": number,
        "from": sender,
        "chat": {"id": chat_id, "type": chat_type},
        "date": 1_790_000_000,
        **({} if text is None else {"text": text}),
        **fields,
    }
    return {"update_id": update_id or number, kind: content}


def press(button, *, chat_id=CHAT, language="en", message_id=5, **fields):
    """``button`` is one of a reply's keyboard, or what it carries."""
    data = button if isinstance(button, str) else button["callback_data"]
    label = "" if isinstance(button, str) else button["text"]
    number = next(_numbers)
    keyboard = {"inline_keyboard": [[{"text": label, "callback_data": data}]]}
    return {
        "update_id": number,
        "callback_query": {
            "id": f"query-{number}",
            "from": {"id": chat_id, "is_bot": False, "first_name": "Anna", "language_code": language},
            "message": {"message_id": message_id, "chat": {"id": chat_id, "type": "private"}, "reply_markup": keyboard},
            "data": data,
            **fields,
        },
    }


def member(status, *, chat_id=CHAT, chat_type="private"):
    content = {
        "chat": {"id": chat_id, "type": chat_type},
        "from": {"id": CHAT, "is_bot": False, "first_name": "Anna"},
        "new_chat_member": {"status": status, "user": {"id": 10001, "is_bot": True}},
    }
    return {"update_id": next(_numbers), "my_chat_member": content}


def store(*updates):
    """How many of them were new."""
    return updates_store(updates=[read_update(update) for update in updates])


def handle(**options):
    """Handle all that waits and may be handled now; how many there were."""
    handled = 0
    while update_handle_next(**options):
        handled += 1
    return handled


def tell(*updates, **options):
    """Bring updates and handle them; the replies to them, in order."""
    before = BotReply.objects.order_by("-id").values_list("id", flat=True).first() or 0
    store(*updates)
    handle(**options)
    return list(BotReply.objects.filter(id__gt=before).order_by("id"))


def texts(replies):
    """What people read of them."""
    return [reply.payload.get("text") for reply in replies]


def buttons(reply):
    return [button for row in reply.payload["reply_markup"]["inline_keyboard"] for button in row]


def link(conversation, **profile):
    """Somebody whose the chat is, with what their profile says."""
    user = UserFactory()
    values = {"telegram_user_id": conversation.telegram_user_id, **profile}
    with factories.as_owner():
        UserProfile.objects.update_or_create(user_id=user.pk, defaults=values)
        Conversation.objects.filter(pk=conversation.pk).update(user_id=user.pk)
    return user


def waits_for_a_lock():
    """Whether anybody does, in the bot database."""
    with connections["bot"].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]
