from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class IdempotencyKey(models.Model):
    """The answer that a request with an Idempotency-Key got, committed with what it changed.

    There is no row while a request is under way: a transaction's lock stands for it (table ``idempotency_keys``).
    """

    id = uuid_key()
    user_id = models.UUIDField()
    key = VarCharField(max_length=255)
    fingerprint = VarCharField(max_length=64)
    status = models.SmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()
    created_at = timestamp()

    class Meta:
        db_table = "idempotency_keys"
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="idempotency_keys_user_key")]
        indexes = [models.Index(fields=["created_at"], name="idx_idempotency_created")]

    def __str__(self) -> str:
        return self.key
