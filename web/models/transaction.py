from django.db import models
from django.db.models import Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key


class Account(models.TextChoices):
    """Whose money an entry moves: the client's, the house's, fees earned, or held until it is clear whose."""

    CLIENT = "client"
    HOUSE = "house"
    FEES = "fees"
    SUSPENSE = "suspense"


class EntryKind(models.TextChoices):
    """What happened to an order or a payment; ``web/ledger.py`` declares the entries of each."""

    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_HELD = "payment_held"
    ORDER_COMPLETED = "order_completed"
    PAYOUT_FAILED = "payout_failed"
    ORDER_CANCELLED = "order_cancelled"
    FEE_CHARGED = "fee_charged"
    EXCESS_REFUNDED = "excess_refunded"
    PAYMENT_REFUNDED = "payment_refunded"


class Transaction(models.Model):
    """One entry of the double-entry ledger (table ``transactions``), which only ever grows.

    ``amount`` is signed, in units of ``currency``: positive comes into the account. The entries of one order in one
    currency sum to zero, which PostgreSQL checks at commit. ``user_id`` is the order's. The entries of one ``kind``
    about one order and payment are one set, which is there once or not at all.
    """

    id = uuid_key()
    order = models.ForeignKey(
        "web.Order", models.RESTRICT, db_constraint=False, db_index=False, related_name="transactions"
    )
    payment = models.ForeignKey(
        "web.Payment",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="transactions",
    )
    user_id = models.UUIDField()
    kind = VarCharField(max_length=32, choices=EntryKind.choices)
    account = VarCharField(max_length=20, choices=Account.choices)
    currency = VarCharField(max_length=10)
    amount = decimal_amount()
    description = VarCharField(max_length=255, blank=True, default="", db_default="")
    created_at = timestamp()

    class Meta:
        db_table = "transactions"
        constraints = [
            DatabaseForeignKey(
                name="fk_transaction_order", column="order_id", references="orders", on_delete="RESTRICT"
            ),
            models.CheckConstraint(name="transactions_amount_not_zero", condition=~Q(amount=0)),
            DatabaseForeignKey(
                name="fk_transaction_payment", column="payment_id", references="payments", on_delete="RESTRICT"
            ),
            models.CheckConstraint(name="transactions_account_known", condition=Q(account__in=Account.values)),
            models.CheckConstraint(name="transactions_kind_known", condition=Q(kind__in=EntryKind.values)),
            models.UniqueConstraint(
                name="transactions_once",
                fields=["order", "kind", "payment", "account", "currency"],
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["order", "currency"], name="idx_transactions_order"),
            # What is left of a payment is asked by it; so does its foreign key when a payment goes.
            models.Index(
                fields=["payment"], name="idx_transactions_payment", condition=models.Q(payment__isnull=False)
            ),
            models.Index(fields=["-created_at", "-id"], name="idx_transactions_created"),
            models.Index(fields=["user_id", "-created_at", "-id"], name="idx_transactions_user_created"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount} {self.currency}"
