"""What operators do with broadcasts: they are written, tried on oneself, started, paused, gone on with and stopped.

A status moves along ``bot.transitions`` under the lock of its row. Of two operators the second one finds what the first
has done, and is told so; so does a worker between two chunks (``broadcast_making``).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from admin_panel.audiences import Audience
from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.notifications import require_account, require_text
from admin_panel.services.permissions import require_permission, require_reason
from bot.models import Broadcast, BroadcastStatus, Notification
from bot.transitions import BROADCASTS
from exchanger.kernel.contexts import SPECS, Context
from exchanger.kernel.refusals import Refused

MAY_WRITE = "bot.add_broadcast"
MAY_CONDUCT = "bot.change_broadcast"
TRIAL = "broadcast.trial"
FAN_OUT = "broadcasts.fan_out"
PRIORITY = -1  # behind what runs by the clock
ALIAS = SPECS[Context.TELEGRAM].alias
_CALLED: Mapping[BroadcastStatus, str] = {
    BroadcastStatus.DRAFT: "a draft",
    BroadcastStatus.RUNNING: "running",
    BroadcastStatus.PAUSED: "paused",
    BroadcastStatus.STOPPED: "stopped",
    BroadcastStatus.DONE: "done",
}


class BroadcastRefused(Refused):
    """What was asked of a broadcast does not go with what it is, or with what has become of it."""


def operator_broadcast_write(*, actor: Actor, texts: Mapping[str, str], audience: Audience, reason: str) -> Broadcast:
    """Write a draft. ``texts`` are by language; who uses a language that is not among them gets the default one's.

    Raises:
        PermissionDenied: the operator may not write broadcasts.
        ReasonMissing
        BroadcastRefused: ``wrong_texts``
        NotificationRefused: ``wrong_text``
    """
    broadcast = Broadcast(
        id=uuid4(), texts=dict(texts), audience=audience.stored(), reason=reason, created_by=actor.admin_id
    )
    with audited(
        actor,
        action="broadcast.write",
        resource=Resource(resource_type(Broadcast), str(broadcast.pk)),
        new={"texts": broadcast.texts, "audience": broadcast.audience, "reason": reason},
    ):
        require_permission(actor, MAY_WRITE)
        require_reason(reason)
        _require_texts(texts)
        broadcast.save(force_insert=True)
    return broadcast


def operator_broadcast_try(*, actor: Actor, broadcast: Broadcast, reason: str) -> Broadcast:
    """Send a draft's texts to the operator alone, each language's.

    Raises:
        PermissionDenied: the operator may not conduct broadcasts.
        ReasonMissing
        NotificationRefused: ``not_linked``
    """
    with audited(actor, action="broadcast.try", resource=broadcast, new={"reason": reason}):
        require_permission(actor, MAY_CONDUCT)
        require_reason(reason)
        account = require_account(actor.admin_id)
        Notification.objects.bulk_create(
            Notification(user_id=actor.admin_id, telegram_user_id=account, message=text, notification_type=TRIAL)
            for text in broadcast.texts.values()
        )
    return broadcast


def operator_broadcast_start(*, actor: Actor, broadcast: Broadcast, reason: str) -> Broadcast:
    """Have a draft sent to its audience.

    Raises, as the others that follow:
        PermissionDenied: the operator may not conduct broadcasts.
        ReasonMissing
        BroadcastRefused: ``broadcast_status``: somebody was first.
    """
    started = _move(actor, "start", broadcast, BroadcastStatus.DRAFT, BroadcastStatus.RUNNING, reason, started_at=Now())
    fan_out_defer(started)
    return started


def operator_broadcast_pause(*, actor: Actor, broadcast: Broadcast, reason: str) -> Broadcast:
    """Hold back what has not been sent yet."""
    return _move(actor, "pause", broadcast, BroadcastStatus.RUNNING, BroadcastStatus.PAUSED, reason)


def operator_broadcast_resume(*, actor: Actor, broadcast: Broadcast, reason: str) -> Broadcast:
    """Go on with a paused one where it stopped."""
    resumed = _move(actor, "resume", broadcast, BroadcastStatus.PAUSED, BroadcastStatus.RUNNING, reason)
    fan_out_defer(resumed)
    return resumed


def operator_broadcast_stop(*, actor: Actor, broadcast: Broadcast, reason: str) -> Broadcast:
    """End it for good: what has not been sent never will be."""
    return _move(actor, "stop", broadcast, None, BroadcastStatus.STOPPED, reason, finished_at=Now())


def fan_out_defer(broadcast: Broadcast) -> None:
    """Have a worker make what is left to be made of a running broadcast's notifications.

    The queue is in another database than the broadcast, so a crash in between loses the job, and nothing else: the
    schedule asks for it again each minute.
    """
    if broadcast.total is not None:
        return
    name = f"{FAN_OUT}.{broadcast.pk}"
    task = app.configure_task(FAN_OUT, lock=name, queueing_lock=name, priority=PRIORITY)
    with suppress(AlreadyEnqueued):
        task.defer(broadcast_id=str(broadcast.pk))


def _move(
    actor: Actor,
    verb: str,
    broadcast: Broadcast,
    before: BroadcastStatus | None,
    to: BroadcastStatus,
    reason: str,
    **changes: Any,
) -> Broadcast:
    with audited(
        actor,
        action=f"broadcast.{verb}",
        resource=broadcast,
        old={"status": broadcast.status},
        new={"status": to, "reason": reason},
    ):
        require_permission(actor, MAY_CONDUCT)
        require_reason(reason)
        with transaction.atomic(using=ALIAS):
            locked = Broadcast.objects.select_for_update(no_key=True).get(pk=broadcast.pk)
            _require_move(locked, before, to)
            Broadcast.objects.filter(pk=locked.pk).update(status=to, reason=reason, **changes)
    broadcast.refresh_from_db()
    return broadcast


def _require_move(broadcast: Broadcast, before: BroadcastStatus | None, to: BroadcastStatus) -> None:
    """``before`` tells starting from going on, which end alike."""
    status = BroadcastStatus(broadcast.status)
    if to in BROADCASTS[status] and before in (None, status):
        return
    raise BroadcastRefused(
        "broadcast_status",
        f"Nothing was done: the broadcast is {_CALLED[status]} by now.",
        status=409,
        details={"status": status, "wanted": to},
    )


def _require_texts(texts: Mapping[str, str]) -> None:
    if settings.LANGUAGE_CODE not in texts or not texts.keys() <= dict(settings.LANGUAGES).keys():
        raise BroadcastRefused(
            "wrong_texts", f"Write the text in '{settings.LANGUAGE_CODE}', and in the other languages if you like."
        )
    for text in texts.values():
        require_text(text)
