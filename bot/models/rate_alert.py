from django.db import models
from django.db.models import F, Q

from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key


class RateAlert(models.Model):
    """A person wants to know when one unit of a currency buys so much of another (table ``rate_alerts``).

    ``above`` says from which side: once the rate is ``rate`` or more, else once it is ``rate`` or less. When the person
    has been told, the row is gone.
    """

    id = uuid_key()
    user_id = models.UUIDField()
    from_currency = VarCharField(max_length=10)
    to_currency = VarCharField(max_length=10)
    rate = decimal_amount()
    above = models.BooleanField()
    created_at = timestamp()

    class Meta:
        db_table = "rate_alerts"
        constraints = [
            models.CheckConstraint(name="rate_alerts_rate_positive", condition=Q(rate__gt=0)),
            models.CheckConstraint(name="rate_alerts_currencies_differ", condition=~Q(from_currency=F("to_currency"))),
        ]
        indexes = [
            models.Index(fields=["user_id", "created_at", "id"], name="idx_rate_alerts_user"),
            models.Index(fields=["from_currency", "to_currency", "rate"], name="idx_rate_alerts_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.from_currency}/{self.to_currency} {'≥' if self.above else '≤'} {self.rate.normalize():f}"
