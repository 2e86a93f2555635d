from django.db import models
from django.db.models import Q

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class Notification(models.Model):
    """A message to be sent to a person in Telegram (table ``notifications``)."""

    id = uuid_key()
    user_id = models.UUIDField()
    telegram_user_id = models.BigIntegerField(null=True, blank=True)
    message = models.TextField()
    notification_type = VarCharField(max_length=100)
    sent = models.BooleanField(default=False, db_default=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = timestamp()

    class Meta:
        db_table = "notifications"
        indexes = [
            models.Index(fields=["user_id", "-created_at"], name="idx_notifications_user"),
            models.Index(fields=["created_at"], name="idx_notifications_unsent", condition=Q(sent=False)),
            models.Index(fields=["-created_at", "-id"], name="idx_notifications_created"),
        ]

    def __str__(self) -> str:
        return self.notification_type
