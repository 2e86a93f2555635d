from django.db import models
from django.db.models import Q

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp
from exchanger.kernel.db.functions import TransactionNow

_WAITING = Q(sent_at__isnull=True, dead_at__isnull=True)


class ReplyMethod(models.TextChoices):
    """The calls of the Bot API by which the bot answers."""

    SEND = "sendMessage"
    EDIT = "editMessageText"
    ANSWER = "answerCallbackQuery"


class BotReply(models.Model):
    """What the bot answers in a chat: one call of the Bot API (table ``bot_replies``), and how far it has come.

    Those of one chat are carried out in the order of their ids. ``payload`` is the call's, without the chat.
    ``attempts``, ``next_attempt_at``, ``claimed_until``, ``failure`` and ``dead_at`` are as a notification's;
    ``dismissed_at`` is as an update's.
    """

    id = models.BigAutoField(primary_key=True)
    conversation = models.ForeignKey(
        "bot.Conversation",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="replies",
    )
    chat_id = models.BigIntegerField()
    method = VarCharField(max_length=50, choices=ReplyMethod.choices)
    payload = models.JSONField()
    created_at = timestamp()
    sent_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.IntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=TransactionNow())
    failure = models.TextField(blank=True, default="", db_default="")
    dead_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "bot_replies"
        verbose_name = "reply"
        verbose_name_plural = "replies"
        constraints = [
            DatabaseForeignKey(name="fk_reply_conversation", column="conversation_id", references="conversations"),
            models.CheckConstraint(name="bot_replies_method_known", condition=Q(method__in=ReplyMethod.values)),
            models.CheckConstraint(
                name="bot_replies_sent_or_dead", condition=Q(sent_at__isnull=True) | Q(dead_at__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="idx_replies_waiting", condition=_WAITING),
            models.Index(fields=["chat_id", "id"], name="idx_replies_chat", condition=_WAITING),
            models.Index(fields=["conversation"], name="idx_replies_conversation"),
            models.Index(fields=["created_at"], name="idx_replies_created"),
            models.Index(fields=["-id"], name="idx_replies_dead", condition=Q(dead_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.pk}"
