from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class AnalyticsEvent(models.Model):
    """Something that happened, kept for analysis (table ``analytics_events``)."""

    id = uuid_key()
    user_id = models.UUIDField(null=True, blank=True)
    event_type = VarCharField(max_length=100)
    event_data = models.JSONField(null=True, blank=True)
    created_at = timestamp()

    class Meta:
        db_table = "analytics_events"
        indexes = [
            models.Index(fields=["event_type", "-created_at"], name="idx_analytics_type_created"),
            models.Index(fields=["-created_at", "-id"], name="idx_analytics_created"),
        ]

    def __str__(self) -> str:
        return self.event_type
