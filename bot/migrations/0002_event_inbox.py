from django.db import migrations, models

import exchanger.kernel.db.fields
import exchanger.kernel.db.functions


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="InboxEvent",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("order_id", models.UUIDField()),
                ("sequence", models.IntegerField()),
                ("user_id", models.UUIDField(blank=True, null=True)),
                ("event_type", exchanger.kernel.db.fields.VarCharField(max_length=100)),
                ("event_data", models.JSONField()),
                ("occurred_at", models.DateTimeField()),
                (
                    "received_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
                ("handled_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "received event",
                "db_table": "event_inbox",
                "indexes": [
                    models.Index(fields=["order_id", "sequence"], name="idx_inbox_order"),
                    models.Index(
                        condition=models.Q(("handled_at__isnull", True)),
                        fields=["received_at"],
                        name="idx_inbox_waiting",
                    ),
                ],
            },
        ),
    ]
