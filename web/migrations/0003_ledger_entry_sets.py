"""Each ledger entry names its set (what happened, to which payment, whose order), and a set is there once at most.

The entries that are there already are the demo's; what they are follows from their descriptions. Entries are never
changed otherwise, so the trigger that sees to it stands aside for this one statement.
"""

import django.db.models.deletion
from django.db import migrations, models

import exchanger.kernel.db.constraints
import exchanger.kernel.db.fields

KINDS = [
    ("payment_received", "Payment Received"),
    ("payment_held", "Payment Held"),
    ("order_completed", "Order Completed"),
    ("payout_failed", "Payout Failed"),
    ("order_cancelled", "Order Cancelled"),
    ("fee_charged", "Fee Charged"),
    ("excess_refunded", "Excess Refunded"),
    ("payment_refunded", "Payment Refunded"),
]
BACKFILL = """
ALTER TABLE transactions DISABLE TRIGGER transactions_append_only;
UPDATE transactions t SET
    user_id = o.user_id,
    kind = CASE t.description
        WHEN 'Payment received' THEN 'payment_received'
        WHEN 'Payout less fee' THEN 'order_completed'
        WHEN 'Held: the payout failed' THEN 'payout_failed'
        WHEN 'Refund of the payment' THEN 'payment_refunded'
    END,
    payment_id = CASE WHEN t.description <> 'Payout less fee' THEN (
        SELECT p.id FROM payments p WHERE p.order_id = t.order_id AND p.status IN ('succeeded', 'refunded')
        ORDER BY p.created_at LIMIT 1
    ) END
FROM orders o WHERE o.id = t.order_id;
ALTER TABLE transactions ENABLE TRIGGER transactions_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("web", "0002_ledger_rules")]
    operations = [
        migrations.AddField("transaction", "user_id", models.UUIDField(null=True)),
        migrations.AddField(
            "transaction", "kind", exchanger.kernel.db.fields.VarCharField(choices=KINDS, max_length=32, null=True)
        ),
        migrations.AddField(
            "transaction",
            "payment",
            models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="transactions",
                to="web.payment",
            ),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AlterField("transaction", "user_id", models.UUIDField()),
        migrations.AlterField(
            "transaction", "kind", exchanger.kernel.db.fields.VarCharField(choices=KINDS, max_length=32)
        ),
        migrations.AddConstraint(
            "transaction",
            exchanger.kernel.db.constraints.DatabaseForeignKey(
                name="fk_transaction_payment", column="payment_id", references="payments", on_delete="RESTRICT"
            ),
        ),
        migrations.AddConstraint(
            "transaction",
            models.CheckConstraint(
                name="transactions_kind_known", condition=models.Q(kind__in=[name for name, _ in KINDS])
            ),
        ),
        migrations.AddConstraint(
            "transaction",
            models.UniqueConstraint(
                name="transactions_once",
                fields=("order", "kind", "payment", "account", "currency"),
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            "transaction",
            models.Index(fields=["user_id", "-created_at", "-id"], name="idx_transactions_user_created"),
        ),
    ]
