"""What the bot does about an event. Handlers change the bot database alone, in the transaction of the event."""

from collections.abc import Callable

from bot.models import InboxEvent, Notification
from bot.texts import order_event_text
from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter

Handler = Callable[[InboxEvent], None]


def notify_owner(event: InboxEvent) -> None:
    """Queue a message to the order's owner, where they have linked a Telegram account."""
    if event.user_id is None:
        return
    profile = IdentityAdapter(Context.TELEGRAM).find_user_profile(event.user_id)
    if profile.telegram_user_id is None:
        return
    text = order_event_text(event.event_type, event.order_id, profile.language)
    if text is None:
        return
    Notification.objects.create(
        user_id=event.user_id,
        telegram_user_id=profile.telegram_user_id,
        message=text,
        notification_type=event.event_type,
    )


HANDLERS: tuple[Handler, ...] = (notify_owner,)
