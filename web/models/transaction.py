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


class Transaction(models.Model):
    """One entry of the double-entry ledger (table ``transactions``), which only ever grows.

    ``amount`` is signed, in units of ``currency``: positive comes into the account. The entries of one order in one
    currency sum to zero, which PostgreSQL checks at commit.
    """

    id = uuid_key()
    order = models.ForeignKey(
        "web.Order", models.RESTRICT, db_constraint=False, db_index=False, related_name="transactions"
    )
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
            models.CheckConstraint(name="transactions_account_known", condition=Q(account__in=Account.values)),
        ]
        indexes = [
            models.Index(fields=["order", "currency"], name="idx_transactions_order"),
            models.Index(fields=["-created_at", "-id"], name="idx_transactions_created"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount} {self.currency}"
