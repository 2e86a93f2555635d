from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class SystemMetric(models.Model):
    """One measurement of one metric at one time (table ``system_metrics``), in the metric's unit.

    A database has more bytes than an amount of money has digits: the value is wider than the source document's.
    """

    id = uuid_key()
    metric_name = VarCharField(max_length=255)
    metric_value = models.DecimalField(max_digits=28, decimal_places=8, null=True, blank=True)
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
