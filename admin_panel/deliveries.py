"""How far the sending of notifications has come, one by one and of a whole broadcast."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from bot.models import BroadcastStatus, Notification
from exchanger.kernel.contexts import Context, require

MOST_COUNTED = 100_000
"""Notifications of a broadcast that are counted one by one; of more it is said that they are more."""


class Delivery(models.TextChoices):
    """HELD is what waits for its paused broadcast to go on.

    CALLED_OFF is what was made for a stopped one, until the senders come upon it and mark it as dead. PUT_OFF is what
    came within its person's quiet hours, until these are over.
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


def delivery_of(notification: Notification, now: datetime) -> Delivery:
    """How far the notification has come; ``broadcast`` should have been selected with it."""
    if notification.sent:
        return Delivery.SENT
    if notification.dead_at is not None:
        return Delivery.DEAD
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
            return notifications.filter(dead_at__isnull=False)
    now = timezone.now()
    claimed = Q(claimed_until__gt=now)
    if delivery is Delivery.SENDING:
        return notifications.filter(_WAITS & claimed)
    idle = notifications.filter(_WAITS & (Q(claimed_until__isnull=True) | ~claimed))
    for status, meant in _OF_BROADCAST.items():
        if meant is delivery:
            return idle.filter(broadcast__status=status)
    going = idle.filter(Q(broadcast__isnull=True) | ~Q(broadcast__status__in=list(_OF_BROADCAST)))
    if delivery is Delivery.PUT_OFF:
        return going.filter(put_off_until__gt=now)
    going = going.filter(Q(put_off_until__isnull=True) | Q(put_off_until__lte=now))
    return going.filter(attempts__gt=0) if delivery is Delivery.RETRYING else going.filter(attempts=0)


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a broadcast's ``queued`` notifications, how many wait and how many are dead; MOST_COUNTED is "or more"."""

    queued: int
    waiting: int
    dead: int

    @property
    def sent(self) -> int | None:
        """How many have been sent; None where there are too many to count what has not been."""
        if max(self.waiting, self.dead) >= MOST_COUNTED:
            return None
        return max(self.queued - self.waiting - self.dead, 0)

    @property
    def percent(self) -> int | None:
        """How many of a hundred need nothing more."""
        if self.sent is None:
            return None
        return 100 * (self.sent + self.dead) // max(self.queued, 1)


def read_progress(broadcast_id: UUID, queued: int) -> Progress:
    """How the sending of a broadcast's notifications goes: two statements, each on an index of its own."""
    require(Context.ADMIN)
    made = Notification.objects.filter(broadcast_id=broadcast_id)
    return Progress(queued, _counted(made.filter(_WAITS)), _counted(made.filter(dead_at__isnull=False)))


def has_waiting(broadcast_id: UUID) -> bool:
    """Whether any notification of a broadcast has still to be sent or given up."""
    return Notification.objects.filter(_WAITS, broadcast_id=broadcast_id).exists()


def _counted(notifications: QuerySet[Notification]) -> int:
    return notifications.order_by()[:MOST_COUNTED].count()
