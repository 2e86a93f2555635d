"""What happened to an order: recorded in the change's own transaction, and brought to the telegram process."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from django.conf import settings
from django.db.models import Max
from django.db.models.functions import Now
from procrastinate.contrib.django import app

from exchanger.kernel.events import PATH, Event, signed_headers
from exchanger.kernel.http import trusted
from web.adapter import WebAdapter
from web.models import AnalyticsEvent, EventDelivery, Order

TIMEOUT_SECONDS = 5
DELIVER = "events.deliver"


class NotAccepted(RuntimeError):
    """The telegram process did not take an event: it is down, slow, or refuses. The event waits for another try."""


def event_publish(*, event_type: str, order_id: UUID, user_id: UUID | None, data: dict[str, Any]) -> Event:
    """Record an event of an order in the caller's transaction, which also queues its delivery.

    ``data`` is JSON, amounts as decimal strings. The order is locked until the transaction ends, so its events are
    numbered in the order in which they commit. PostgreSQL queues the job (see ``EventDelivery``), so an operator's
    process publishes as the web application does.

    Raises:
        TransactionManagementError: there is no transaction under way.
        Order.DoesNotExist: there is no such order.
    """
    Order.objects.select_for_update(no_key=True).only("pk").get(pk=order_id)
    last = EventDelivery.objects.filter(order_id=order_id).aggregate(last=Max("sequence"))["last"] or 0
    recorded = AnalyticsEvent.objects.create(user_id=user_id, event_type=event_type, event_data=data)
    delivery = EventDelivery.objects.create(event=recorded, order_id=order_id, sequence=last + 1)
    return _event(delivery)


def order_events_deliver(*, order_id: UUID) -> int:
    """Bring the order's waiting events to the telegram process, the oldest first; how many it has accepted.

    An event is marked after it was accepted, so a crash in between sends it again: the receiver knows it by its id.

    Raises:
        NotAccepted: it did not take one; that one and those after it still wait.
    """
    accepted = 0
    with httpx.Client(base_url=settings.TELEGRAM_INTERNAL_URL, timeout=TIMEOUT_SECONDS, verify=trusted()) as client:
        while (delivery := WebAdapter().find_next_delivery(order_id)) is not None:
            _send(client, _event(delivery))
            accepted += EventDelivery.objects.waiting().filter(pk=delivery.pk).update(delivered_at=Now())
    return accepted


def deliveries_queue() -> int:
    """Queue a job for each order with events that have waited for long and have none; how many orders.

    They are not brought here: an order of which the telegram process takes nothing would keep the others waiting.
    """
    orders = WebAdapter().find_stranded_orders()
    for order_id in orders:
        app.configure_task(DELIVER, lock=f"events.{order_id}").defer(order_id=str(order_id))
    return len(orders)


def events_redeliver(*, since: datetime) -> int:
    """Make the events accepted since a moment (aware) wait again, for a receiver that has lost them; how many.

    The schedule's sweep queues them; those that the receiver has kept it knows by their ids.
    """
    return EventDelivery.objects.filter(delivered_at__gte=since).update(delivered_at=None)


def _send(client: httpx.Client, event: Event) -> None:
    body = event.to_bytes()
    headers = {"Content-Type": "application/json", **signed_headers(body, secret=settings.EVENTS_SECRET)}
    try:
        answer = client.post(PATH, content=body, headers=headers)
    except httpx.HTTPError as error:
        raise NotAccepted(f"event {event.id} of order {event.order_id}: {error!r}") from error
    if not answer.is_success:
        raise NotAccepted(f"event {event.id} of order {event.order_id}: HTTP {answer.status_code}")


def _event(delivery: EventDelivery) -> Event:
    recorded = delivery.event
    return Event(
        id=recorded.pk,
        order_id=delivery.order_id,
        sequence=delivery.sequence,
        user_id=recorded.user_id,
        type=recorded.event_type,
        data=recorded.event_data or {},
        occurred_at=recorded.created_at,
    )
