"""Indexes that the operators' lists are read by, newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["-created_at", "-id"], name="idx_users_created"),
        ),
    ]
