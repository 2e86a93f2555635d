from django.db import models
from django.db.models import Q

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class BroadcastStatus(models.TextChoices):
    """``draft → running → done``; a running one may pause and go on, and any that is not done may be stopped.

    RUNNING goes on while notifications are being made, and then while they are being sent, so that it can be paused
    and stopped as long as there is anything to hold back. DONE is when everybody's has been sent or given up.
    """

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class Broadcast(models.Model):
    """A message of the operators to many people (table ``broadcasts``); it becomes a notification for each of them.

    ``texts`` holds it by language (``{"en": …, "uk": …, "ru": …}``) and ``audience`` says who gets it. ``queued`` is
    how many notifications have been made, and ``cursor`` the last person who was looked at, so that making them goes
    on where it broke off; when everybody has been, ``total`` is how many they are. ``reason`` is the operator's.
    """

    id = uuid_key()
    texts = models.JSONField()
    audience = models.JSONField()
    status = VarCharField(
        max_length=20,
        choices=BroadcastStatus.choices,
        default=BroadcastStatus.DRAFT,
        db_default=BroadcastStatus.DRAFT,
    )
    total = models.IntegerField(null=True, blank=True)
    queued = models.IntegerField(default=0, db_default=0)
    cursor = models.UUIDField(null=True, blank=True)
    reason = models.TextField(blank=True, default="", db_default="")
    created_by = models.UUIDField()
    created_at = timestamp()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "broadcasts"
        constraints = [
            models.CheckConstraint(name="broadcasts_status_known", condition=Q(status__in=BroadcastStatus.values)),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="idx_broadcasts_created")]

    def __str__(self) -> str:
        return f"broadcast {self.pk}"
