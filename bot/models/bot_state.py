from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class BotState(models.Model):
    """What the bot itself remembers between restarts, by key (table ``bot_state``)."""

    id = uuid_key()
    key = VarCharField(max_length=255, unique=True)
    value = models.JSONField()
    updated_at = timestamp()

    class Meta:
        db_table = "bot_state"

    def __str__(self) -> str:
        return self.key
