"""Indexes that the operators' lists are read by, newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("admin_panel", "0002_audit_append_only"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="systemmetric",
            index=models.Index(fields=["-recorded_at", "-id"], name="idx_metrics_recorded"),
        ),
    ]
