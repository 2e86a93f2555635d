from django.db import models

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class Message(models.Model):
    """One message of a conversation, either way (table ``messages``); ``message_id`` is Telegram's.

    What ``message_type`` and ``content`` hold is declared in ``bot/messages.py``.
    """

    id = uuid_key()
    conversation = models.ForeignKey(
        "bot.Conversation", models.CASCADE, db_constraint=False, db_index=False, related_name="messages"
    )
    message_id = models.BigIntegerField()
    message_type = VarCharField(max_length=50)
    content = models.JSONField()
    sent_at = timestamp()

    class Meta:
        db_table = "messages"
        constraints = [DatabaseForeignKey(name="fk_conversation", column="conversation_id", references="conversations")]
        indexes = [
            models.Index(fields=["conversation", "-sent_at", "-id"], name="idx_messages_conversation"),
            models.Index(fields=["-sent_at", "-id"], name="idx_messages_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.message_type} {self.message_id}"
