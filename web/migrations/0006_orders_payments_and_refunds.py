"""Orders, payments and refunds move along declared ways only, and what they were made at stays.

The moves are those of ``web/transitions.py`` when this was written; a later change of them is a later migration.
"""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models

import exchanger.kernel.db.constraints
import exchanger.kernel.db.fields
import exchanger.kernel.db.functions

ORDER_MOVES = [
    ("pending", "paid"),
    ("pending", "cancelled"),
    ("pending", "expired"),
    ("paid", "processing"),
    ("paid", "cancelled"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("cancelled", "refunded"),
    ("expired", "paid"),
    ("failed", "refunded"),
]
PAYMENT_MOVES = [
    ("pending", "succeeded"),
    ("pending", "failed"),
    ("pending", "cancelled"),
    ("succeeded", "refunded"),
    ("failed", "succeeded"),
    ("cancelled", "succeeded"),
]
REFUND_MOVES = [
    ("requested", "approved"),
    ("requested", "rejected"),
    ("approved", "succeeded"),
    ("approved", "failed"),
    ("failed", "approved"),
    ("rejected", "requested"),
]

REFUSE = """
CREATE FUNCTION refuse_undeclared_move() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% % cannot go from % to %', TG_TABLE_NAME, OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION refuse_other_figures() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% % keeps what it was made at', TG_TABLE_NAME, OLD.id USING ERRCODE = 'restrict_violation';
END $$;
"""
DROP = "DROP FUNCTION refuse_undeclared_move(); DROP FUNCTION refuse_other_figures();"


def moves(table: str, pairs: list[tuple[str, str]]) -> migrations.RunSQL:
    listed = ", ".join(f"('{old}', '{new}')" for old, new in pairs)
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_moves BEFORE UPDATE ON {table} FOR EACH ROW
            WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN ({listed}))
            EXECUTE FUNCTION refuse_undeclared_move();
        """,
        f"DROP TRIGGER {table}_moves ON {table};",
    )


def figures(table: str, columns: list[str], unless: str = "false") -> migrations.RunSQL:
    """Refuse a change of ``columns``, or of a payment's amount but at the moment at which it comes."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_figures BEFORE UPDATE ON {table} FOR EACH ROW
            WHEN ((({old}) IS DISTINCT FROM ({new})) OR {unless})
            EXECUTE FUNCTION refuse_other_figures();
        """,
        f"DROP TRIGGER {table}_figures ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0005_rates_and_quotes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("provider", exchanger.kernel.db.fields.VarCharField(max_length=100)),
                ("event_id", exchanger.kernel.db.fields.VarCharField(max_length=100)),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
            ],
            options={
                "db_table": "provider_events",
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    exchanger.kernel.db.fields.VarCharField(
                        choices=[("payment", "Payment"), ("excess", "Excess")], max_length=20
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=8, max_digits=18)),
                ("large", models.BooleanField()),
                ("reason", exchanger.kernel.db.fields.VarCharField(max_length=255)),
                (
                    "status",
                    exchanger.kernel.db.fields.VarCharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                        ],
                        db_default="requested",
                        default="requested",
                        max_length=20,
                    ),
                ),
                ("requested_by", models.UUIDField(blank=True, null=True)),
                ("approved_by", models.UUIDField(blank=True, null=True)),
                ("reference", exchanger.kernel.db.fields.VarCharField(blank=True, max_length=100, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
            ],
            options={
                "db_table": "refunds",
            },
        ),
        migrations.AddField(
            model_name="order",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="instructions",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="payment",
            name="received_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="reference",
            field=exchanger.kernel.db.fields.VarCharField(blank=True, max_length=100, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="updated_at",
            field=models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["from_currency", "to_currency", "created_at"], name="idx_orders_pair_created"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["expires_at"], name="idx_orders_unpaid"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["created_at"], name="idx_payments_pending"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(fields=("payment_method", "reference"), name="payments_reference"),
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(fields=["created_at"], name="idx_provider_events_created"),
        ),
        migrations.AddConstraint(
            model_name="providerevent",
            constraint=models.UniqueConstraint(fields=("provider", "event_id"), name="provider_events_once"),
        ),
        migrations.AddField(
            model_name="refund",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="refunds",
                to="web.order",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="payment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="refunds",
                to="web.payment",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["order"], name="idx_refunds_order"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["status", "created_at"], name="idx_refunds_status_created"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["-created_at", "-id"], name="idx_refunds_created"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=exchanger.kernel.db.constraints.DatabaseForeignKey(
                column="order_id", name="fk_refund_order", on_delete="RESTRICT", references="orders"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=exchanger.kernel.db.constraints.DatabaseForeignKey(
                column="payment_id", name="fk_refund_payment", on_delete="RESTRICT", references="payments"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(fields=("payment", "kind"), name="refunds_once"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="refunds_amount_positive"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["payment", "excess"])), name="refunds_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["requested", "approved", "rejected", "succeeded", "failed"])),
                name="refunds_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("large", False),
                    ("status__in", ["requested", "rejected"]),
                    models.Q(
                        ("approved_by__isnull", False),
                        models.Q(
                            ("requested_by__isnull", True),
                            models.Q(("approved_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="refunds_large_by_two",
            ),
        ),
        migrations.RunSQL(REFUSE, DROP),
        moves("orders", ORDER_MOVES),
        moves("payments", PAYMENT_MOVES),
        moves("refunds", REFUND_MOVES),
        figures(
            "orders",
            ["id", "user_id", "from_currency", "to_currency", "amount", "exchange_rate", "expires_at", "created_at"],
        ),
        figures(
            "payments",
            ["id", "order_id", "user_id", "payment_method", "created_at"],
            "(OLD.amount, OLD.received_at) IS DISTINCT FROM (NEW.amount, NEW.received_at)"
            " AND NOT (OLD.status <> 'succeeded' AND NEW.status = 'succeeded')",
        ),
        figures("refunds", ["id", "order_id", "payment_id", "kind", "amount", "large", "created_at"]),
    ]
