"""Indexes for the operators' lists of notifications by how their sending goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0003_notification_delivery"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", True), ("sent", False)),
                fields=["-created_at", "-id"],
                name="idx_notifications_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", False)),
                fields=["-created_at", "-id"],
                name="idx_notifications_dead",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("broadcast__isnull", False), ("dead_at__isnull", False)),
                fields=["broadcast"],
                name="idx_notifications_undelivered",
            ),
        ),
    ]
