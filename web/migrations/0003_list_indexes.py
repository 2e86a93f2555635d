"""Indexes that the operators' lists are read by, newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0002_ledger_rules"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="analyticsevent",
            index=models.Index(fields=["-created_at", "-id"], name="idx_analytics_created"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["-created_at", "-id"], name="idx_payments_created"),
        ),
    ]
