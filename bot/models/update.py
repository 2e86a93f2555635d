from django.db import models
from django.db.models import Q

from exchanger.kernel.db.fields import VarCharField, timestamp
from exchanger.kernel.db.functions import TransactionNow

_WAITING = Q(handled_at__isnull=True, dead_at__isnull=True)


class BotUpdate(models.Model):
    """Something that happened in a chat, as Telegram told it, known by Telegram's id (table ``bot_updates``).

    Updates of one chat are handled in the order of their ids, each in one transaction with all that it changes. One
    that fails is tried again from ``next_attempt_at`` on, and holds back the later ones of its chat, until it is dead.
    An operator may have a dead one tried again, at ``retried_at``, or has let it be since ``dismissed_at``.
    """

    update_id = models.BigIntegerField(primary_key=True)
    chat_id = models.BigIntegerField()
    kind = VarCharField(max_length=50)
    body = models.JSONField()
    received_at = timestamp()
    handled_at = models.DateTimeField(null=True, blank=True)
    attempts = models.IntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=TransactionNow())
    failure = models.TextField(blank=True, default="", db_default="")
    dead_at = models.DateTimeField(null=True, blank=True)
    retried_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "bot_updates"
        verbose_name = "update"
        constraints = [
            models.CheckConstraint(
                name="bot_updates_handled_or_dead", condition=Q(handled_at__isnull=True) | Q(dead_at__isnull=True)
            )
        ]
        indexes = [
            models.Index(fields=["update_id"], name="idx_updates_waiting", condition=_WAITING),
            models.Index(fields=["chat_id", "update_id"], name="idx_updates_chat", condition=_WAITING),
            models.Index(fields=["received_at"], name="idx_updates_received"),
            models.Index(fields=["-update_id"], name="idx_updates_dead", condition=Q(dead_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.update_id}"
