from django.db import models
from django.db.models import F, Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key
from exchanger.kernel.money.pairs import Pair


class Quote(models.Model):
    """An offer to one client, firm until ``expires_at`` (table ``quotes``). Its figures never change.

    ``rate`` is what the client gets, the spread taken off; ``fee`` is in units of ``to_currency``, and
    ``to_amount`` is ``from_amount × rate − fee``, rounded down. ``rate_id`` is the stored rate that it follows from,
    ``cross_rate_id`` the second one where it goes through the base currency. ``order`` is the one that took it.
    """

    id = uuid_key()
    user_id = models.UUIDField()
    from_currency = VarCharField(max_length=10)
    to_currency = VarCharField(max_length=10)
    from_amount = decimal_amount()
    to_amount = decimal_amount()
    rate = decimal_amount()
    spread = decimal_amount()
    fee = decimal_amount()
    rate_id = models.UUIDField()
    cross_rate_id = models.UUIDField(null=True, blank=True)
    order = models.ForeignKey(
        "web.Order", models.RESTRICT, null=True, blank=True, db_constraint=False, db_index=False, related_name="quotes"
    )
    created_at = timestamp()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "quotes"
        constraints = [
            DatabaseForeignKey(name="fk_quote_order", column="order_id", references="orders", on_delete="RESTRICT"),
            DatabaseForeignKey(
                name="fk_quote_rate", column="rate_id", references="exchange_rates", on_delete="RESTRICT"
            ),
            DatabaseForeignKey(
                name="fk_quote_cross_rate", column="cross_rate_id", references="exchange_rates", on_delete="RESTRICT"
            ),
            models.UniqueConstraint(fields=["order"], name="quotes_order_unique"),
            models.CheckConstraint(
                name="quotes_amounts_positive",
                condition=Q(from_amount__gt=0, to_amount__gt=0, rate__gt=0, fee__gte=0),
            ),
            models.CheckConstraint(name="quotes_spread_share", condition=Q(spread__gte=0, spread__lt=1)),
            models.CheckConstraint(name="quotes_currencies_differ", condition=~Q(from_currency=F("to_currency"))),
            models.CheckConstraint(name="quotes_life_positive", condition=Q(expires_at__gt=F("created_at"))),
        ]
        indexes = [
            models.Index(fields=["user_id", "-created_at", "-id"], name="idx_quotes_user_created"),
            models.Index(fields=["expires_at"], name="idx_quotes_unused", condition=Q(order__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.from_amount} {self.from_currency} → {self.to_amount} {self.to_currency}"

    @property
    def pair(self) -> Pair:
        return Pair(self.from_currency, self.to_currency)
