"""What Telegram tells of its chats, and what the bot answers there: each a queue, kept in order chat by chat."""

import django.db.models.deletion
from django.db import migrations, models

import exchanger.kernel.db.constraints
import exchanger.kernel.db.fields
import exchanger.kernel.db.functions


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0005_published_configuration"),
    ]

    operations = [
        migrations.CreateModel(
            name="BotUpdate",
            fields=[
                ("update_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("chat_id", models.BigIntegerField()),
                ("kind", exchanger.kernel.db.fields.VarCharField(max_length=50)),
                ("body", models.JSONField()),
                (
                    "received_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
                ("handled_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("next_attempt_at", models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow())),
                ("failure", models.TextField(blank=True, db_default="", default="")),
                ("dead_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "update",
                "db_table": "bot_updates",
                "indexes": [
                    models.Index(
                        condition=models.Q(("dead_at__isnull", True), ("handled_at__isnull", True)),
                        fields=["update_id"],
                        name="idx_updates_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("dead_at__isnull", True), ("handled_at__isnull", True)),
                        fields=["chat_id", "update_id"],
                        name="idx_updates_chat",
                    ),
                    models.Index(fields=["received_at"], name="idx_updates_received"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("handled_at__isnull", True), ("dead_at__isnull", True), _connector="OR"),
                        name="bot_updates_handled_or_dead",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BotReply",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("chat_id", models.BigIntegerField()),
                (
                    "method",
                    exchanger.kernel.db.fields.VarCharField(
                        choices=[
                            ("sendMessage", "Send"),
                            ("editMessageText", "Edit"),
                            ("answerCallbackQuery", "Answer"),
                        ],
                        max_length=50,
                    ),
                ),
                ("payload", models.JSONField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("next_attempt_at", models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow())),
                ("failure", models.TextField(blank=True, db_default="", default="")),
                ("dead_at", models.DateTimeField(blank=True, null=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replies",
                        to="bot.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "reply",
                "verbose_name_plural": "replies",
                "db_table": "bot_replies",
                "indexes": [
                    models.Index(
                        condition=models.Q(("dead_at__isnull", True), ("sent_at__isnull", True)),
                        fields=["id"],
                        name="idx_replies_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("dead_at__isnull", True), ("sent_at__isnull", True)),
                        fields=["chat_id", "id"],
                        name="idx_replies_chat",
                    ),
                    models.Index(fields=["conversation"], name="idx_replies_conversation"),
                    models.Index(fields=["created_at"], name="idx_replies_created"),
                ],
                "constraints": [
                    exchanger.kernel.db.constraints.DatabaseForeignKey(
                        column="conversation_id",
                        name="fk_reply_conversation",
                        on_delete="CASCADE",
                        references="conversations",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["sendMessage", "editMessageText", "answerCallbackQuery"])),
                        name="bot_replies_method_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sent_at__isnull", True), ("dead_at__isnull", True), _connector="OR"),
                        name="bot_replies_sent_or_dead",
                    ),
                ],
            },
        ),
    ]
