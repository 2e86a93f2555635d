from django.db import models
from django.db.models import Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key
from exchanger.kernel.db.functions import TransactionNow

_WAITING = Q(sent=False, dead_at__isnull=True)


class Notification(models.Model):
    """A message to be sent to a person in Telegram (table ``notifications``), and how far its sending has come.

    It may be sent from ``next_attempt_at`` on; until ``claimed_until`` some sender holds it. ``attempts`` have ended
    without success, the last of them with ``failure``. One that is dead will not be tried again. One that came within
    the person's quiet hours is put off until ``put_off_until``, their end, and not tried before.
    """

    id = uuid_key()
    user_id = models.UUIDField()
    telegram_user_id = models.BigIntegerField(null=True, blank=True)
    message = models.TextField()
    notification_type = VarCharField(max_length=100)
    sent = models.BooleanField(default=False, db_default=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = timestamp()
    attempts = models.IntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=TransactionNow())
    claimed_until = models.DateTimeField(null=True, blank=True)
    put_off_until = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True, default="", db_default="")
    dead_at = models.DateTimeField(null=True, blank=True)
    broadcast = models.ForeignKey(
        "bot.Broadcast",
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="notifications",
    )

    class Meta:
        db_table = "notifications"
        constraints = [
            DatabaseForeignKey(
                name="fk_notification_broadcast", column="broadcast_id", references="broadcasts", on_delete="RESTRICT"
            ),
            models.UniqueConstraint(
                fields=["broadcast", "user_id"],
                name="notifications_once_a_broadcast",
                condition=Q(broadcast__isnull=False),
            ),
            models.CheckConstraint(
                name="notifications_sent_at_a_time",
                condition=Q(sent=True, sent_at__isnull=False) | Q(sent=False, sent_at__isnull=True),
            ),
            models.CheckConstraint(
                name="notifications_sent_or_dead", condition=Q(sent=False) | Q(dead_at__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["user_id", "-created_at"], name="idx_notifications_user"),
            models.Index(fields=["-created_at", "-id"], name="idx_notifications_created"),
            # What senders claim: a person's own news first, then what broadcasts have to say.
            models.Index(
                fields=["next_attempt_at", "id"],
                name="idx_notifications_due",
                condition=_WAITING & Q(broadcast__isnull=True),
            ),
            models.Index(
                fields=["broadcast", "next_attempt_at", "id"],
                name="idx_notifications_broadcast",
                condition=_WAITING & Q(broadcast__isnull=False),
            ),
            # What else waits in the same chat.
            models.Index(
                fields=["telegram_user_id", "created_at", "id"], name="idx_notifications_chat", condition=_WAITING
            ),
            # What operators look for: what waits, what is dead, and how much of a broadcast is.
            models.Index(fields=["-created_at", "-id"], name="idx_notifications_waiting", condition=_WAITING),
            models.Index(
                fields=["-created_at", "-id"], name="idx_notifications_dead", condition=Q(dead_at__isnull=False)
            ),
            models.Index(
                fields=["broadcast"],
                name="idx_notifications_undelivered",
                condition=Q(dead_at__isnull=False, broadcast__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.notification_type
