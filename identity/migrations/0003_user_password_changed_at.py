from django.db import migrations, models

import exchanger.kernel.db.functions


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0002_session_origin"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="password_changed_at",
            field=models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
        ),
    ]
