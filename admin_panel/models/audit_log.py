from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key

UNFINISHED = "unfinished"


class AuditLog(models.Model):
    """Who set out to do what to which resource (table ``audit_logs``), which only ever grows.

    ``action`` is a dotted name such as ``rate.publish``; ``admin_id`` is a person of the identity database, or the
    nil UUID where nobody had proved who they are. How it ended is a row of ``audit_outcomes``.
    """

    id = uuid_key()
    admin_id = models.UUIDField()
    action = VarCharField(max_length=255)
    resource_type = VarCharField(max_length=100)
    resource_id = VarCharField(max_length=255, null=True, blank=True)
    old_values = models.JSONField(null=True, blank=True)
    new_values = models.JSONField(null=True, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(null=True, blank=True)
    created_at = timestamp()

    class Meta:
        db_table = "audit_logs"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="idx_audit_created"),
            models.Index(fields=["admin_id", "-created_at"], name="idx_audit_admin"),
            models.Index(fields=["resource_type", "resource_id", "-created_at"], name="idx_audit_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.resource_type} {self.resource_id or ''}".strip()

    @property
    def outcome(self) -> str:
        """``done``, ``failed`` or ``denied``; ``unfinished`` when nothing tells how it ended."""
        return self.result.outcome if hasattr(self, "result") else UNFINISHED
