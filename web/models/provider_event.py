from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class ProviderEvent(models.Model):
    """A call of a payment provider that was obeyed, so that it is obeyed once (table ``provider_events``)."""

    id = uuid_key()
    provider = VarCharField(max_length=100)
    event_id = VarCharField(max_length=100)
    created_at = timestamp()

    class Meta:
        db_table = "provider_events"
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="provider_events_once")]
        indexes = [models.Index(fields=["created_at"], name="idx_provider_events_created")]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
