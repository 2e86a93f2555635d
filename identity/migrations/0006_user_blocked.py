from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0005_old_sessions"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={"permissions": [("block_user", "Can block user")]},
        ),
        migrations.AddField(
            model_name="user",
            name="blocked_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("blocked_at__isnull", False)),
                fields=["-created_at", "-id"],
                name="idx_users_blocked",
            ),
        ),
    ]
