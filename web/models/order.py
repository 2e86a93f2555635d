from django.db import models
from django.db.models import F, Q

from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key
from web.models.statuses import OrderStatus


class Order(models.Model):
    """A client's order to exchange ``amount`` of one currency into another (table ``orders``).

    What it was made at never changes; its status moves as ``web/transitions.py`` declares. Paid after ``expires_at`` it
    is not exchanged; None is an order from before there were quotes. ``user_id`` is a person of the identity database;
    no foreign key crosses databases.
    """

    id = uuid_key()
    user_id = models.UUIDField()
    from_currency = VarCharField(max_length=10)
    to_currency = VarCharField(max_length=10)
    amount = decimal_amount()
    exchange_rate = decimal_amount()
    status = VarCharField(
        max_length=50, choices=OrderStatus.choices, default=OrderStatus.PENDING, db_default=OrderStatus.PENDING
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = timestamp()
    updated_at = timestamp()

    class Meta:
        db_table = "orders"
        constraints = [
            models.CheckConstraint(name="orders_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="orders_exchange_rate_positive", condition=Q(exchange_rate__gt=0)),
            models.CheckConstraint(name="orders_currencies_differ", condition=~Q(from_currency=F("to_currency"))),
            models.CheckConstraint(name="orders_status_known", condition=Q(status__in=OrderStatus.values)),
        ]
        indexes = [
            models.Index(fields=["user_id", "-created_at", "-id"], name="idx_orders_user_created"),
            models.Index(fields=["-created_at", "-id"], name="idx_orders_created"),
            models.Index(fields=["status", "created_at"], name="idx_orders_status_created"),
            models.Index(fields=["from_currency", "to_currency", "created_at"], name="idx_orders_pair_created"),
            models.Index(fields=["expires_at"], name="idx_orders_unpaid", condition=Q(status=OrderStatus.PENDING)),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.from_currency} → {self.to_currency}"
