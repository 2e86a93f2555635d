from django.db import models
from django.db.models import F, Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key
from web.models.statuses import RefundStatus


class RefundKind(models.TextChoices):
    """All that is left of a payment, or only what it brought beyond the order's amount."""

    PAYMENT = "payment"
    EXCESS = "excess"


class Refund(models.Model):
    """Money of a payment that is due back to the client, or went back (table ``refunds``).

    ``amount`` is in units of the order's ``from_currency``. ``requested_by`` and ``approved_by`` are operators, None
    for the platform itself. A ``large`` one is approved by somebody else than who requested it; PostgreSQL sees to it.
    """

    id = uuid_key()
    order = models.ForeignKey("web.Order", models.RESTRICT, db_constraint=False, db_index=False, related_name="refunds")
    payment = models.ForeignKey(
        "web.Payment", models.RESTRICT, db_constraint=False, db_index=False, related_name="refunds"
    )
    kind = VarCharField(max_length=20, choices=RefundKind.choices)
    amount = decimal_amount()
    large = models.BooleanField()
    reason = VarCharField(max_length=255)
    status = VarCharField(
        max_length=20, choices=RefundStatus.choices, default=RefundStatus.REQUESTED, db_default=RefundStatus.REQUESTED
    )
    requested_by = models.UUIDField(null=True, blank=True)
    approved_by = models.UUIDField(null=True, blank=True)
    reference = VarCharField(max_length=100, null=True, blank=True)
    created_at = timestamp()
    updated_at = timestamp()

    class Meta:
        db_table = "refunds"
        constraints = [
            DatabaseForeignKey(name="fk_refund_order", column="order_id", references="orders", on_delete="RESTRICT"),
            DatabaseForeignKey(
                name="fk_refund_payment", column="payment_id", references="payments", on_delete="RESTRICT"
            ),
            models.UniqueConstraint(fields=["payment", "kind"], name="refunds_once"),
            models.CheckConstraint(name="refunds_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="refunds_kind_known", condition=Q(kind__in=RefundKind.values)),
            models.CheckConstraint(name="refunds_status_known", condition=Q(status__in=RefundStatus.values)),
            models.CheckConstraint(
                name="refunds_large_by_two",
                condition=Q(large=False)
                | Q(status__in=[RefundStatus.REQUESTED, RefundStatus.REJECTED])
                | (Q(approved_by__isnull=False) & (Q(requested_by__isnull=True) | ~Q(approved_by=F("requested_by")))),
            ),
        ]
        indexes = [
            models.Index(fields=["order"], name="idx_refunds_order"),
            models.Index(fields=["status", "created_at"], name="idx_refunds_status_created"),
            models.Index(fields=["-created_at", "-id"], name="idx_refunds_created"),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} of payment {self.payment_id}"
