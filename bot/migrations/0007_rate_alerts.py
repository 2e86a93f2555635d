"""What people want to be told of the rates."""

import uuid

import django.contrib.postgres.functions
from django.db import migrations, models

import exchanger.kernel.db.fields
import exchanger.kernel.db.functions


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0006_updates_and_replies"),
    ]

    operations = [
        migrations.CreateModel(
            name="RateAlert",
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
                ("from_currency", exchanger.kernel.db.fields.VarCharField(max_length=10)),
                ("to_currency", exchanger.kernel.db.fields.VarCharField(max_length=10)),
                ("rate", models.DecimalField(decimal_places=8, max_digits=18)),
                ("above", models.BooleanField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
            ],
            options={
                "db_table": "rate_alerts",
                "indexes": [
                    models.Index(fields=["user_id", "created_at", "id"], name="idx_rate_alerts_user"),
                    models.Index(fields=["from_currency", "to_currency", "rate"], name="idx_rate_alerts_pair"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="rate_alerts_rate_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("from_currency", models.F("to_currency")), _negated=True),
                        name="rate_alerts_currencies_differ",
                    ),
                ],
            },
        ),
    ]
