"""Indexes that the operators' lists are read by, newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["-sent_at", "-id"], name="idx_messages_sent"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["-created_at", "-id"], name="idx_notifications_created"),
        ),
        migrations.AddIndex(
            model_name="usercommand",
            index=models.Index(fields=["-executed_at", "-id"], name="idx_user_commands_executed"),
        ),
    ]
