"""What operators decide about updates and replies that were given up, and the lists of these."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0009_quiet_hours"),
    ]

    operations = [
        migrations.AddField(
            model_name="botreply",
            name="dismissed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="botupdate",
            name="dismissed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="botupdate",
            name="retried_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="botreply",
            index=models.Index(condition=models.Q(("dead_at__isnull", False)), fields=["-id"], name="idx_replies_dead"),
        ),
        migrations.AddIndex(
            model_name="botupdate",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", False)), fields=["-update_id"], name="idx_updates_dead"
            ),
        ),
    ]
