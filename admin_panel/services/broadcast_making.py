"""A broadcast becomes a notification for everybody in its audience. Only workers come here.

Each chunk is one transaction in the bot database, under the lock of the broadcast's row: its notifications and the
person up to whom they go are committed together or not at all. So whoever dies leaves nothing half-done, two workers
take turns, and an operator's pause or stop waits for one chunk at most.
"""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from admin_panel.audiences import Audience, Chunk, read_chunk
from admin_panel.deliveries import has_waiting
from admin_panel.services.broadcasts import ALIAS, fan_out_defer
from bot.models import Broadcast, BroadcastStatus, Notification

CHUNK = 300
"""People who are looked at in one transaction."""

MESSAGE = "broadcast.message"


def broadcast_fan_out(*, broadcast_id: UUID) -> int:
    """Make what is left to be made while the broadcast runs; how many notifications this call has made."""
    made = 0
    while (chunk := _make_chunk(broadcast_id)) is not None:
        made += len(chunk.recipients)
    return made


def broadcasts_attend() -> int:
    """See that every running broadcast goes on, and end those of which nothing waits any more; how many were ended."""
    ended = 0
    for broadcast in Broadcast.objects.filter(status=BroadcastStatus.RUNNING):
        if broadcast.total is None:
            fan_out_defer(broadcast)
        elif not has_waiting(broadcast.pk):
            # In this one statement, so that an operator who stops it meanwhile has stopped it.
            running = Broadcast.objects.filter(pk=broadcast.pk, status=BroadcastStatus.RUNNING)
            ended += running.update(status=BroadcastStatus.DONE, finished_at=Now())
    return ended


def text_for(broadcast: Broadcast, language: str) -> str:
    """What somebody who uses ``language`` reads."""
    return str(broadcast.texts.get(language) or broadcast.texts[settings.LANGUAGE_CODE])


def _make_chunk(broadcast_id: UUID) -> Chunk | None:
    """The next notifications; None where there is nothing to make, or not now."""
    with transaction.atomic(using=ALIAS):
        running = Broadcast.objects.filter(pk=broadcast_id, status=BroadcastStatus.RUNNING, total__isnull=True)
        broadcast = running.select_for_update(no_key=True).first()
        if broadcast is None:
            return None
        chunk = read_chunk(Audience.read(broadcast.audience), at=_begun(broadcast), size=CHUNK, after=broadcast.cursor)
        Notification.objects.bulk_create(
            [
                Notification(
                    broadcast=broadcast,
                    user_id=recipient.user_id,
                    telegram_user_id=recipient.telegram_user_id,
                    message=text_for(broadcast, recipient.language),
                    notification_type=MESSAGE,
                )
                for recipient in chunk.recipients
            ],
            ignore_conflicts=True,
        )
        queued = F("queued") + len(chunk.recipients)
        total = {"total": queued} if chunk.is_last else {}
        Broadcast.objects.filter(pk=broadcast_id).update(queued=queued, cursor=chunk.last, **total)
    return chunk


def _begun(broadcast: Broadcast) -> datetime:
    """The audience stays the same, however often the making is interrupted."""
    return broadcast.started_at or broadcast.created_at
