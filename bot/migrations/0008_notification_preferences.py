"""Which kinds of notifications people want."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0007_rate_alerts"),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationPreferences",
            fields=[
                ("user_id", models.UUIDField(primary_key=True, serialize=False)),
                ("orders", models.BooleanField(db_default=True, default=True)),
                ("payments", models.BooleanField(db_default=True, default=True)),
                ("refunds", models.BooleanField(db_default=True, default=True)),
                ("alerts", models.BooleanField(db_default=True, default=True)),
                ("broadcasts", models.BooleanField(db_default=True, default=True)),
            ],
            options={
                "verbose_name_plural": "notification preferences",
                "db_table": "notification_preferences",
            },
        ),
    ]
