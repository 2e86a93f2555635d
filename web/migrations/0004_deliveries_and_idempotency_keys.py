"""Events on their way to the telegram process, and the answers that a repeated request gets again.

Whoever adds a delivery, the web application or an operator (whose login has no part in web's job queue), PostgreSQL
queues the job of web's workers in the same transaction.
"""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models

import exchanger.kernel.db.constraints
import exchanger.kernel.db.fields
import exchanger.kernel.db.functions

QUEUED = """
CREATE FUNCTION queue_delivery() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.procrastinate_defer_jobs_v1(ARRAY[ROW(
        'default', 'events.deliver', 0, 'events.' || NEW.order_id, NULL,
        jsonb_build_object('order_id', NEW.order_id), NULL
    )::public.procrastinate_job_to_defer_v1]);
    RETURN NULL;
END $$;
CREATE TRIGGER event_deliveries_queued AFTER INSERT ON event_deliveries
    FOR EACH ROW EXECUTE FUNCTION queue_delivery();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0003_ledger_entry_sets"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
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
                ("user_id", models.UUIDField()),
                ("key", exchanger.kernel.db.fields.VarCharField(max_length=255)),
                ("fingerprint", exchanger.kernel.db.fields.VarCharField(max_length=64)),
                ("status", models.SmallIntegerField()),
                ("headers", models.JSONField()),
                ("body", models.BinaryField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
            ],
            options={
                "db_table": "idempotency_keys",
                "indexes": [models.Index(fields=["created_at"], name="idx_idempotency_created")],
                "constraints": [models.UniqueConstraint(fields=("user_id", "key"), name="idempotency_keys_user_key")],
            },
        ),
        migrations.CreateModel(
            name="EventDelivery",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="delivery",
                        serialize=False,
                        to="web.analyticsevent",
                    ),
                ),
                ("sequence", models.IntegerField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "order",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="web.order",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "event deliveries",
                "db_table": "event_deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("delivered_at__isnull", True)),
                        fields=["created_at"],
                        name="idx_deliveries_waiting",
                    )
                ],
                "constraints": [
                    exchanger.kernel.db.constraints.DatabaseForeignKey(
                        column="event_id", name="fk_delivery_event", on_delete="CASCADE", references="analytics_events"
                    ),
                    exchanger.kernel.db.constraints.DatabaseForeignKey(
                        column="order_id", name="fk_delivery_order", on_delete="CASCADE", references="orders"
                    ),
                    models.UniqueConstraint(fields=("order", "sequence"), name="event_deliveries_sequence"),
                    models.CheckConstraint(
                        condition=models.Q(("sequence__gt", 0)), name="event_deliveries_sequence_positive"
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            QUEUED, "DROP TRIGGER event_deliveries_queued ON event_deliveries; DROP FUNCTION queue_delivery();"
        ),
    ]
