from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class Conversation(models.Model):
    """The dialogue with one Telegram account (table ``conversations``).

    ``state`` and ``context`` say where the dialogue stands; ``user_id`` is the linked person, if any.
    Since ``blocked_at`` nothing can be sent: the account has blocked the bot, or is gone.
    """

    id = uuid_key()
    telegram_user_id = models.BigIntegerField(unique=True)
    user_id = models.UUIDField(null=True, blank=True)
    state = VarCharField(max_length=100, default="idle", db_default="idle")
    context = models.JSONField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    created_at = timestamp()
    updated_at = timestamp()

    class Meta:
        db_table = "conversations"
        indexes = [
            models.Index(fields=["-updated_at", "-id"], name="idx_conversations_updated"),
            models.Index(fields=["user_id"], name="idx_conversations_user"),
        ]

    def __str__(self) -> str:
        return f"{self.telegram_user_id} ({self.state})"
