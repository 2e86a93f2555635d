from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class Report(models.Model):
    """A report that was asked for, and the file it became (table ``reports``)."""

    id = uuid_key()
    name = VarCharField(max_length=255)
    type = VarCharField(max_length=100)
    parameters = models.JSONField(null=True, blank=True)
    generated_by = models.UUIDField()
    generated_at = timestamp()
    file_path = VarCharField(max_length=500, null=True, blank=True)

    class Meta:
        db_table = "reports"
        indexes = [models.Index(fields=["-generated_at", "-id"], name="idx_reports_generated")]

    def __str__(self) -> str:
        return self.name
