from django.db import models
from django.db.models import Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key
from web.models.statuses import PaymentStatus


class Payment(models.Model):
    """Money that came, or is to come, for an order, in the order's ``from_currency`` (table ``payments``).

    ``amount`` is what was asked for until the payment succeeds, and from then on what came. ``payment_method`` names
    its provider, ``reference`` is what the provider knows it by, ``instructions`` (JSON) what the client was told to
    do, and ``received_at`` when the money came, which is what counts, and not when we learned of it.
    """

    id = uuid_key()
    order = models.ForeignKey("web.Order", models.CASCADE, db_constraint=False, db_index=False, related_name="payments")
    user_id = models.UUIDField()
    payment_method = VarCharField(max_length=100)
    amount = decimal_amount()
    status = VarCharField(
        max_length=50, choices=PaymentStatus.choices, default=PaymentStatus.PENDING, db_default=PaymentStatus.PENDING
    )
    reference = VarCharField(max_length=100, null=True, blank=True)
    instructions = models.JSONField(default=dict, db_default={}, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    created_at = timestamp()
    updated_at = timestamp()

    class Meta:
        db_table = "payments"
        constraints = [
            DatabaseForeignKey(name="fk_order", column="order_id", references="orders"),
            models.CheckConstraint(name="payments_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="payments_status_known", condition=Q(status__in=PaymentStatus.values)),
            models.UniqueConstraint(fields=["payment_method", "reference"], name="payments_reference"),
        ]
        indexes = [
            models.Index(fields=["order"], name="idx_payments_order"),
            models.Index(fields=["user_id", "-created_at"], name="idx_payments_user_created"),
            models.Index(fields=["-created_at", "-id"], name="idx_payments_created"),
            models.Index(fields=["created_at"], name="idx_payments_pending", condition=Q(status=PaymentStatus.PENDING)),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} by {self.payment_method}"
