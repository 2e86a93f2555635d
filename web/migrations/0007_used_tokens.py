from django.db import migrations, models

import exchanger.kernel.db.functions


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0006_orders_payments_and_refunds"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsedToken",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "used_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
            ],
            options={
                "db_table": "used_tokens",
                "indexes": [models.Index(fields=["used_at"], name="idx_used_tokens_used")],
            },
        ),
    ]
