import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import exchanger.kernel.db.constraints
import exchanger.kernel.db.fields
import exchanger.kernel.db.functions


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0003_user_password_changed_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="userprofile",
            name="telegram_linked_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="TelegramLinkCode",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("code_hash", exchanger.kernel.db.fields.VarCharField(max_length=64)),
                ("expires_at", models.DateTimeField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
            ],
            options={
                "db_table": "telegram_link_codes",
                "constraints": [
                    exchanger.kernel.db.constraints.DatabaseForeignKey(
                        column="user_id", name="fk_telegram_link_code", on_delete="CASCADE", references="users"
                    ),
                    models.UniqueConstraint(fields=("code_hash",), name="telegram_link_codes_code_hash"),
                ],
            },
        ),
    ]
