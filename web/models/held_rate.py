from django.db import models
from django.db.models import F, Q

from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key
from exchanger.kernel.money.pairs import Pair


class HeldStatus(models.TextChoices):
    """``superseded`` is what a held rate becomes when its provider says something else before anybody decided."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class HeldReason(models.TextChoices):
    """Too far from the rate in force; or exchanging there and back would gain."""

    DEVIATION = "deviation"
    ROUND_TRIP = "round_trip"


class HeldRate(models.Model):
    """A provider's rate that was not put into force and waits for an operator (table ``held_rates``).

    ``rate_in_force`` is what it was compared with, where there was one, and ``deviation_percent`` how far it is from
    that; ``published_for`` is the provider's day. There is at most one pending row a pair and provider.
    """

    id = uuid_key()
    from_currency = VarCharField(max_length=10)
    to_currency = VarCharField(max_length=10)
    rate = decimal_amount()
    rate_in_force = decimal_amount(null=True, blank=True)
    deviation_percent = decimal_amount(null=True, blank=True)
    source = VarCharField(max_length=20)
    published_for = models.DateField()
    reason = VarCharField(max_length=20, choices=HeldReason.choices)
    status = VarCharField(
        max_length=20, choices=HeldStatus.choices, default=HeldStatus.PENDING, db_default=HeldStatus.PENDING
    )
    created_at = timestamp()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.UUIDField(null=True, blank=True)

    class Meta:
        db_table = "held_rates"
        constraints = [
            models.UniqueConstraint(
                fields=["from_currency", "to_currency", "source"],
                condition=Q(status=HeldStatus.PENDING),
                name="held_rates_one_pending",
            ),
            models.CheckConstraint(name="held_rates_rate_positive", condition=Q(rate__gt=0)),
            models.CheckConstraint(name="held_rates_currencies_differ", condition=~Q(from_currency=F("to_currency"))),
            models.CheckConstraint(name="held_rates_reason_known", condition=Q(reason__in=HeldReason.values)),
            models.CheckConstraint(name="held_rates_status_known", condition=Q(status__in=HeldStatus.values)),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="idx_held_rates_created")]

    def __str__(self) -> str:
        return f"{self.from_currency}/{self.to_currency} {self.rate} of {self.source}: {self.status}"

    @property
    def pair(self) -> Pair:
        return Pair(self.from_currency, self.to_currency)
