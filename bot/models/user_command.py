from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class UserCommand(models.Model):
    """A command that somebody sent to the bot (table ``user_commands``)."""

    id = uuid_key()
    telegram_user_id = models.BigIntegerField()
    command = VarCharField(max_length=255)
    parameters = models.JSONField(null=True, blank=True)
    executed_at = timestamp()

    class Meta:
        db_table = "user_commands"
        indexes = [
            models.Index(fields=["telegram_user_id", "-executed_at"], name="idx_user_commands_user"),
            models.Index(fields=["-executed_at", "-id"], name="idx_user_commands_executed"),
        ]

    def __str__(self) -> str:
        return self.command
