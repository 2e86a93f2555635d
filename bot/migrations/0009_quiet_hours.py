"""Hours in which people want no messages, and until when a notification is put off for them."""

from django.db import migrations, models

import exchanger.kernel.db.fields


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0008_notification_preferences"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="put_off_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="QuietHours",
            fields=[
                ("telegram_user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("quiet_from", models.TimeField()),
                ("quiet_until", models.TimeField()),
                ("zone", exchanger.kernel.db.fields.VarCharField(max_length=64)),
            ],
            options={
                "verbose_name_plural": "quiet hours",
                "db_table": "quiet_hours",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                        name="quiet_hours_differ",
                    )
                ],
            },
        ),
    ]
