"""Every read of the bot database that the telegram application makes."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, QuerySet

from bot.models import Conversation, InboxEvent, Message, NotificationPreferences, QuietHours, RateAlert
from bot.notification_kinds import Kind
from bot.people import zone_named
from bot.quiet_hours import Hours
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

    def find_rate_alerts(self, user_id: UUID) -> QuerySet[RateAlert]:
        """What a person wants to be told of, the oldest first."""
        return RateAlert.objects.filter(user_id=user_id).order_by("created_at", "id")

    def find_wanted_kinds(self, user_id: UUID) -> frozenset[Kind]:
        """The kinds of notifications that a person has not switched off."""
        found = NotificationPreferences.objects.filter(pk=user_id).first() or NotificationPreferences()
        return frozenset(kind for kind in Kind if getattr(found, kind))

    def find_quiet_hours(self, telegram_user_id: int) -> Hours | None:
        """When nothing but what is urgent is sent to a chat; None where it is at any hour."""
        found = QuietHours.objects.filter(pk=telegram_user_id).first()
        return None if found is None else Hours(found.quiet_from, found.quiet_until, zone_named(found.zone))

    def lock_next_event(self, order_id: UUID) -> InboxEvent | None:
        """The order's event whose turn it is, locked until the transaction ends; None where none has come.

        An event's turn is when the one before it is handled. One that comes with the number of an event long handled
        (the sender's database was restored) waits for nothing.
        """
        waiting = InboxEvent.objects.filter(order_id=order_id, handled_at__isnull=True)
        event = waiting.select_for_update().order_by("sequence", "received_at").first()
        if event is None or event.sequence == 1:
            return event
        # Asked after the lock was had: another worker may have handled the one before it meanwhile.
        return event if _handled_before(order_id, event.sequence) else None

    def find_event_gaps(self) -> QuerySet[InboxEvent]:
        """Events that wait for one with a lower number, which has not come."""
        before = InboxEvent.objects.filter(order_id=OuterRef("order_id"), sequence=OuterRef("sequence") - 1)
        return InboxEvent.objects.filter(~Exists(before), handled_at__isnull=True, sequence__gt=1)

    def find_inbox_backlog(self) -> tuple[int, datetime | None]:
        """How many events wait to be handled, and when the oldest of them came."""
        found = InboxEvent.objects.filter(handled_at__isnull=True).aggregate(
            waiting=Count("pk"), since=Min("received_at")
        )
        return found["waiting"], found["since"]


def _handled_before(order_id: UUID, sequence: int) -> bool:
    handled = InboxEvent.objects.filter(order_id=order_id, handled_at__isnull=False)
    return handled.filter(sequence__gte=sequence - 1).exists()
