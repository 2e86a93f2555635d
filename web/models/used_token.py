from django.db import models

from exchanger.kernel.db.fields import timestamp


class UsedToken(models.Model):
    """The id of a token of the bot's that has been used, kept for longer than it could be (table ``used_tokens``)."""

    id = models.UUIDField(primary_key=True, editable=False)
    used_at = timestamp()

    class Meta:
        db_table = "used_tokens"
        indexes = [models.Index(fields=["used_at"], name="idx_used_tokens_used")]

    def __str__(self) -> str:
        return str(self.pk)
