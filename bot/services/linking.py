"""The linked person of a chat. The identity database alone says who that is, and is asked at each use.

``conversations.user_id`` is a note for lists of the bot's database, brought in line whenever the chat is used; nothing
is decided by it. An event from web that tells of an unlinking would come after it, and leave a moment in which the bot
still believed in the link; and the two databases cannot commit together.
"""

from uuid import UUID

from django.db import transaction

from bot.models import Conversation
from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import CONVERSATIONS
from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter
from identity.services.telegram_links import Linked, link_confirm, telegram_account_unlink

ALIAS = "bot"


def chat_person(*, telegram_user_id: int) -> UUID | None:
    """Whose chat this is now; None while the Telegram account is not linked.

    Raises:
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    user_id = IdentityAdapter(Context.TELEGRAM).find_user_id_by_telegram(telegram_user_id)
    _note(telegram_user_id, user_id)
    return user_id


def chat_link(*, code: str, telegram_user_id: int) -> Linked:
    """Link the chat by a code whose owner has confirmed it (``link_preview`` shows whose it is).

    Raises:
        Throttled: this Telegram account has guessed too often.
        LinkRefused: the code links nothing.
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    linked = link_confirm(code=code, telegram_user_id=telegram_user_id)
    _note(telegram_user_id, linked.user_id)
    return linked


def chat_unlink(*, telegram_user_id: int) -> bool:
    """Unlink the chat and end its owner's telegram sessions; False where it was not linked.

    Raises:
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    user_id = telegram_account_unlink(telegram_user_id=telegram_user_id)
    _note(telegram_user_id, None)
    return user_id is not None


def _note(telegram_user_id: int, user_id: UUID | None) -> None:
    """Bring the conversation in line with the link, if it has one and is not so already."""
    noted = Conversation.objects.filter(telegram_user_id=telegram_user_id)
    stale = noted.filter(user_id__isnull=False) if user_id is None else noted.exclude(user_id=user_id)
    if not stale.exists():
        return
    with transaction.atomic(using=ALIAS):
        if stale.update(user_id=user_id):
            invalidate_on_commit([CONVERSATIONS.key(telegram_user_id)], using=ALIAS)
