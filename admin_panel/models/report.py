from django.db import models
from django.db.models import Q

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class ReportStatus(models.TextChoices):
    """What has become of a report; the file of an EXPIRED one is no longer kept."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class Report(models.Model):
    """A report that was asked for, and the file it became (table ``reports``).

    ``type`` is a name of ``admin_panel.reports.kinds.KINDS``, and ``parameters`` are what its form took, as JSON.
    ``progress`` is in percent. ``problem`` says why it failed. ``scheduled_for`` names the period of a report that the
    schedule asked for, and is None for an operator's; ``fingerprint`` is of the parameters and of the data they met.
    """

    id = uuid_key()
    name = VarCharField(max_length=255)
    type = VarCharField(max_length=100)
    parameters = models.JSONField(null=True, blank=True)
    generated_by = models.UUIDField()
    generated_at = timestamp()
    file_path = VarCharField(max_length=500, null=True, blank=True)
    status = VarCharField(
        max_length=20, choices=ReportStatus.choices, default=ReportStatus.QUEUED, db_default=ReportStatus.QUEUED
    )
    progress = models.SmallIntegerField(default=0, db_default=0)
    rows_written = models.BigIntegerField(default=0, db_default=0)
    attempts = models.SmallIntegerField(default=0, db_default=0)
    problem = VarCharField(max_length=255, blank=True, default="", db_default="")
    finished_at = models.DateTimeField(null=True, blank=True)
    fingerprint = VarCharField(max_length=64, blank=True, default="", db_default="")
    scheduled_for = VarCharField(max_length=100, null=True, blank=True)

    class Meta:
        db_table = "reports"
        constraints = [
            models.CheckConstraint(name="reports_status_known", condition=Q(status__in=ReportStatus.values)),
            models.UniqueConstraint(fields=["scheduled_for"], name="reports_scheduled_for"),
        ]
        indexes = [models.Index(fields=["-generated_at", "-id"], name="idx_reports_generated")]

    def __str__(self) -> str:
        return self.name

    @property
    def under_way(self) -> bool:
        return self.status in (ReportStatus.QUEUED, ReportStatus.RUNNING)
