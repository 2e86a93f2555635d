"""What operators do with notifications: one person is written to, and one that is dead is tried again."""

from uuid import UUID

from django.db.models.functions import Now

from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import require_permission, require_reason
from bot.messages import TEXT_LIMIT, is_sendable
from bot.models import BroadcastStatus, Notification
from exchanger.kernel.contexts import Context
from exchanger.kernel.refusals import Refused
from identity.adapter import IdentityAdapter

MAY_WRITE = "bot.add_notification"
MAY_RETRY = "bot.change_notification"
FROM_OPERATOR = "operator.message"


class NotificationRefused(Refused):
    """The notification cannot be sent, or not again."""


def operator_notification_write(
    *, actor: Actor, notification_id: UUID, user_id: UUID, text: str, reason: str
) -> Notification:
    """Have the bot write ``text`` to a person; what has been written under ``notification_id`` is written once.

    Raises:
        PermissionDenied: the operator may not write to people.
        ReasonMissing
        NotificationRefused: ``wrong_text``, ``not_linked``
    """
    with audited(
        actor,
        action="notification.write",
        resource=Resource(resource_type(Notification), str(notification_id)),
        new={"user_id": user_id, "message": text, "reason": reason},
    ) as attempt:
        require_permission(actor, MAY_WRITE)
        require_reason(reason)
        require_text(text)
        notification, new = Notification.objects.get_or_create(
            pk=notification_id,
            defaults={
                "user_id": user_id,
                "telegram_user_id": require_account(user_id),
                "message": text,
                "notification_type": FROM_OPERATOR,
            },
        )
        attempt.note(written=new)
    return notification


def operator_notification_retry(*, actor: Actor, notification: Notification, reason: str) -> Notification:
    """Have a dead notification tried again, as if it never had been.

    Raises:
        PermissionDenied: the operator may not do that.
        ReasonMissing
        NotificationRefused: ``notification_not_dead``, ``broadcast_stopped``
    """
    with audited(
        actor,
        action="notification.retry",
        resource=notification,
        old={"failure": notification.failure, "attempts": notification.attempts},
        new={"reason": reason},
    ):
        require_permission(actor, MAY_RETRY)
        require_reason(reason)
        broadcast = notification.broadcast
        if broadcast is not None and broadcast.status == BroadcastStatus.STOPPED:
            raise NotificationRefused(
                "broadcast_stopped", "Its broadcast was stopped, so it would not be sent.", status=409
            )
        dead = Notification.objects.filter(pk=notification.pk, dead_at__isnull=False)
        if not dead.update(dead_at=None, attempts=0, failure="", next_attempt_at=Now()):
            raise NotificationRefused("notification_not_dead", "Only a dead notification is tried again.", status=409)
    notification.refresh_from_db()
    return notification


def require_text(text: str) -> None:
    """Raises NotificationRefused: ``wrong_text``."""
    if not is_sendable(text):
        raise NotificationRefused("wrong_text", f"Telegram takes texts of 1 to {TEXT_LIMIT} characters.")


def require_account(user_id: UUID) -> int:
    """The Telegram account that a person has linked.

    Raises:
        NotificationRefused: ``not_linked``
    """
    account = IdentityAdapter(Context.ADMIN).find_telegram_account(user_id)
    if account is None:
        raise NotificationRefused(
            "not_linked", "They have linked no Telegram account, so the bot cannot write to them.", status=409
        )
    return account
