from django.db import models

from admin_panel.models.audit_log import AuditLog
from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class Outcome(models.TextChoices):
    """How an attempt ended."""

    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"


class AuditOutcome(models.Model):
    """How what an audit entry announces ended (table ``audit_outcomes``), which only ever grows.

    The entry is committed before the change and never altered, so its end is a row of its own. An entry without one
    was interrupted, or is under way. There is no foreign key: nothing is ever deleted here, and the chain tells of an
    outcome that has no entry.
    """

    id = uuid_key()
    entry = models.OneToOneField(
        AuditLog, models.PROTECT, db_column="audit_id", db_constraint=False, related_name="result"
    )
    outcome = VarCharField(max_length=20, choices=Outcome.choices)
    details = models.JSONField(null=True, blank=True)
    created_at = timestamp()

    class Meta:
        db_table = "audit_outcomes"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(name="audit_outcomes_known", condition=models.Q(outcome__in=Outcome.values)),
        ]
        indexes = [
            models.Index(
                fields=["outcome", "-created_at"],
                name="idx_audit_outcomes_not_done",
                condition=~models.Q(outcome=Outcome.DONE),
            )
        ]

    def __str__(self) -> str:
        return self.outcome
