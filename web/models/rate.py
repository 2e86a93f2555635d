from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key
from exchanger.kernel.money.pairs import Pair

MANUAL = "manual"


class TimestampRange(Func):
    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class ExchangeRate(models.Model):
    """How much of ``to_currency`` one unit of ``from_currency`` buys, from ``valid_from`` until ``valid_until``.

    ``valid_until`` is exclusive, and null while the rate is open; the periods of one pair never overlap.
    ``source`` is who says so, MANUAL or a provider of rates, and ``set_by`` the operator, where it was one.
    ``confirmed_at`` is when it was last said: a rate is as old as that (table ``exchange_rates``).
    """

    id = uuid_key()
    from_currency = VarCharField(max_length=10)
    to_currency = VarCharField(max_length=10)
    rate = decimal_amount()
    valid_from = timestamp()
    valid_until = models.DateTimeField(null=True, blank=True)
    source = VarCharField(max_length=20, default=MANUAL, db_default=MANUAL)
    set_by = models.UUIDField(null=True, blank=True)
    confirmed_at = timestamp()

    class Meta:
        db_table = "exchange_rates"
        constraints = [
            models.UniqueConstraint(
                fields=["from_currency", "to_currency", "valid_from"],
                name="exchange_rates_from_currency_to_currency_valid_from_key",
            ),
            models.CheckConstraint(name="exchange_rates_rate_positive", condition=Q(rate__gt=0)),
            models.CheckConstraint(
                name="exchange_rates_currencies_differ", condition=~Q(from_currency=F("to_currency"))
            ),
            models.CheckConstraint(
                name="exchange_rates_period_ordered",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
            ),
            ExclusionConstraint(
                name="exchange_rates_periods_apart",
                expressions=[
                    ("from_currency", RangeOperators.EQUAL),
                    ("to_currency", RangeOperators.EQUAL),
                    (TimestampRange("valid_from", "valid_until"), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [models.Index(fields=["-valid_from", "-id"], name="idx_rates_valid_from")]

    def __str__(self) -> str:
        return f"{self.from_currency}/{self.to_currency} {self.rate}"

    @property
    def pair(self) -> Pair:
        return Pair(self.from_currency, self.to_currency)
