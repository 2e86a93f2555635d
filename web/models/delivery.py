from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import Count, Min, Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import timestamp


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait, and since when the oldest of them does (aware; None where none waits)."""

    waiting: int
    since: datetime | None


class DeliveryQuerySet(models.QuerySet["EventDelivery"]):
    def waiting(self) -> "DeliveryQuerySet":
        """What the telegram process has not accepted yet."""
        return self.filter(delivered_at__isnull=True)

    def backlog(self) -> Backlog:
        return Backlog(**self.waiting().aggregate(waiting=Count("pk"), since=Min("created_at")))


class EventDelivery(models.Model):
    """How far an event of an order is on its way to the telegram process (table ``event_deliveries``).

    Events of one order are numbered from 1 without gaps, in the order of their transactions. PostgreSQL queues the job
    that delivers a row when the row is inserted, whoever inserts it (migration 0003).
    """

    event = models.OneToOneField(
        "web.AnalyticsEvent", models.CASCADE, primary_key=True, db_constraint=False, related_name="delivery"
    )
    order = models.ForeignKey("web.Order", models.CASCADE, db_constraint=False, db_index=False, related_name="events")
    sequence = models.IntegerField()
    created_at = timestamp()
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        db_table = "event_deliveries"
        verbose_name_plural = "event deliveries"
        constraints = [
            DatabaseForeignKey(name="fk_delivery_event", column="event_id", references="analytics_events"),
            DatabaseForeignKey(name="fk_delivery_order", column="order_id", references="orders"),
            models.UniqueConstraint(fields=["order", "sequence"], name="event_deliveries_sequence"),
            models.CheckConstraint(name="event_deliveries_sequence_positive", condition=Q(sequence__gt=0)),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="idx_deliveries_waiting", condition=Q(delivered_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.sequence}"
