from django.db import models
from django.db.models import Q

from exchanger.kernel.db.fields import VarCharField, timestamp


class InboxEvent(models.Model):
    """An event of an order as the web application told it, known by the web application's id (table ``event_inbox``).

    Events of one order are handled in the order of their numbers, each in one transaction with what it changes. A
    number that has not come yet holds the later ones back.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    order_id = models.UUIDField()
    sequence = models.IntegerField()
    user_id = models.UUIDField(null=True, blank=True)
    event_type = VarCharField(max_length=100)
    event_data = models.JSONField()
    occurred_at = models.DateTimeField()
    received_at = timestamp()
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "event_inbox"
        verbose_name = "received event"
        indexes = [
            models.Index(fields=["order_id", "sequence"], name="idx_inbox_order"),
            models.Index(fields=["received_at"], name="idx_inbox_waiting", condition=Q(handled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} ({self.order_id} {self.sequence})"
