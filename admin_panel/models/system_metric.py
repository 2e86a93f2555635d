from django.db import models

from exchanger.kernel.db.fields import VarCharField, decimal_amount, timestamp, uuid_key


class SystemMetric(models.Model):
    """One measurement of one metric at one time (table ``system_metrics``)."""

    id = uuid_key()
    metric_name = VarCharField(max_length=255)
    metric_value = decimal_amount(null=True, blank=True)
    tags = models.JSONField(null=True, blank=True)
    recorded_at = timestamp()

    class Meta:
        db_table = "system_metrics"
        indexes = [
            models.Index(fields=["metric_name", "-recorded_at"], name="idx_metrics_name_recorded"),
            models.Index(fields=["-recorded_at", "-id"], name="idx_metrics_recorded"),
        ]

    def __str__(self) -> str:
        return f"{self.metric_name} {self.metric_value}"
