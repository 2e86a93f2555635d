"""What the web application tells of orders: taken in once, and handled once, in order per order."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from procrastinate.contrib.django import app

from bot.adapter import TelegramAdapter
from bot.models import InboxEvent
from bot.services.event_handlers import HANDLERS
from exchanger.kernel.events import Event

ALIAS = "bot"


def event_receive(*, event: Event) -> bool:
    """Take an event into the inbox and queue its handling, in one transaction; False where it was there already."""
    with transaction.atomic(using=ALIAS):
        _, is_new = InboxEvent.objects.get_or_create(
            pk=event.id,
            defaults={
                "order_id": event.order_id,
                "sequence": event.sequence,
                "user_id": event.user_id,
                "event_type": event.type,
                "event_data": event.data,
                "occurred_at": event.occurred_at,
            },
        )
        if is_new:
            job = app.configure_task("events.handle", lock=f"events.{event.order_id}")
            job.defer(order_id=str(event.order_id))
    return is_new


def order_events_handle(*, order_id: UUID) -> int:
    """Handle the order's events whose turn it is; how many there were."""
    handled = 0
    while _handle_next(order_id):
        handled += 1
    return handled


def _handle_next(order_id: UUID) -> bool:
    """One event, in one transaction with all that its handlers change; its lock keeps every other worker out."""
    with transaction.atomic(using=ALIAS):
        event = TelegramAdapter().lock_next_event(order_id)
        if event is None:
            return False
        for handler in HANDLERS:
            handler(event)
        InboxEvent.objects.filter(pk=event.pk).update(handled_at=Now())
    return True
