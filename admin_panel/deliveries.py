"""How far the sending of notifications has come, one by one and of a whole broadcast."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from bot.models import Broadcast, BroadcastStatus, Notification
from bot.services import notification_delivery
from exchanger.kernel.contexts import Context, require

MOST_COUNTED = 100_000
"""Notifications of a broadcast that are counted one by one; of more it is said that they are more."""


class Delivery(models.TextChoices):
    """HELD is what waits for its paused broadcast to go on.

    CALLED_OFF is what was made for a stopped one, and what its person has switched off: nobody failed to send it.
    PUT_OFF is what came within its person's quiet hours, until these are over.
    """

    WAITING = "waiting"
    SENDING = "being sent"
    RETRYING = "retrying"
    PUT_OFF = "put off"
    HELD = "held"
    CALLED_OFF = "called off"
    SENT = "sent"
    DEAD = "dead"


_OF_BROADCAST = {BroadcastStatus.PAUSED: Delivery.HELD, BroadcastStatus.STOPPED: Delivery.CALLED_OFF}
_WAITS = Q(sent=False, dead_at__isnull=True)
_ENDED_UNSENT = Q(dead_at__isnull=False)
_CALLED_OFF = Q(failure__in=notification_delivery.CALLED_OFF)


def delivery_of(notification: Notification, now: datetime) -> Delivery:
    """How far the notification has come; ``broadcast`` should have been selected with it."""
    if notification.sent:
        return Delivery.SENT
    if notification.dead_at is not None:
        return Delivery.CALLED_OFF if notification.failure in notification_delivery.CALLED_OFF else Delivery.DEAD
    if notification.claimed_until is not None and notification.claimed_until > now:
        return Delivery.SENDING
    if notification.broadcast is not None and notification.broadcast.status in _OF_BROADCAST:
        return _OF_BROADCAST[BroadcastStatus(notification.broadcast.status)]
    if notification.put_off_until is not None and notification.put_off_until > now:
        return Delivery.PUT_OFF
    return Delivery.RETRYING if notification.attempts else Delivery.WAITING


def with_delivery(notifications: QuerySet[Notification], delivery: Delivery) -> QuerySet[Notification]:
    """Those of ``notifications`` that have come as far as that; an index bounds what is read by what is not sent."""
    match delivery:
        case Delivery.SENT:
            return notifications.filter(sent=True)
        case Delivery.DEAD:
            return notifications.filter(_ENDED_UNSENT & ~_CALLED_OFF)
    now = timezone.now()
    claimed = Q(claimed_until__gt=now)
    idle = _WAITS & (Q(claimed_until__isnull=True) | ~claimed)
    match delivery:
        case Delivery.SENDING:
            return notifications.filter(_WAITS & claimed)
        case Delivery.HELD:
            return notifications.filter(idle, broadcast__status=BroadcastStatus.PAUSED)
        case Delivery.CALLED_OFF:
            # No join, which would keep PostgreSQL from taking an index for each half.
            stopped = Broadcast.objects.filter(status=BroadcastStatus.STOPPED).values("pk")
            return notifications.filter(_ENDED_UNSENT & _CALLED_OFF | idle & Q(broadcast_id__in=stopped))
    going = notifications.filter(idle & (Q(broadcast__isnull=True) | ~Q(broadcast__status__in=list(_OF_BROADCAST))))
    if delivery is Delivery.PUT_OFF:
        return going.filter(put_off_until__gt=now)
    going = going.filter(Q(put_off_until__isnull=True) | Q(put_off_until__lte=now))
    return going.filter(attempts__gt=0) if delivery is Delivery.RETRYING else going.filter(attempts=0)


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a broadcast's ``queued`` notifications, how many wait, and how many ended without having been sent.

    No more than MOST_COUNTED are counted of those that wait, and of those that ended so.
    """

    queued: int
    waiting: int
    dead: int
    called_off: int

    @property
    def more_wait(self) -> bool:
        return self.waiting >= MOST_COUNTED

    @property
    def more_unsent(self) -> bool:
        """Whether more than these may be dead or called off."""
        return self.dead + self.called_off >= MOST_COUNTED

    @property
    def sent(self) -> int | None:
        """How many have been sent; None where there are too many to count what has not been."""
        if self.more_wait or self.more_unsent:
            return None
        return max(self.queued - self.waiting - self.dead - self.called_off, 0)

    @property
    def percent(self) -> int | None:
        """How many of a hundred need nothing more."""
        if self.sent is None:
            return None
        return 100 * max(self.queued - self.waiting, 0) // max(self.queued, 1)


def read_progress(broadcast_id: UUID, queued: int) -> Progress:
    """How the sending of a broadcast's notifications goes: two statements, each on an index of its own."""
    require(Context.ADMIN)
    made = Notification.objects.filter(broadcast_id=broadcast_id)
    waiting = made.filter(_WAITS).order_by()[:MOST_COUNTED].count()
    ended = made.filter(_ENDED_UNSENT).order_by()[:MOST_COUNTED]
    return Progress(
        queued,
        waiting,
        **ended.aggregate(dead=Count("pk", filter=~_CALLED_OFF), called_off=Count("pk", filter=_CALLED_OFF)),
    )


def has_waiting(broadcast_id: UUID) -> bool:
    """Whether any notification of a broadcast has still to be sent or given up."""
    return Notification.objects.filter(_WAITS, broadcast_id=broadcast_id).exists()
