from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class AdminSetting(models.Model):
    """A named setting of the operators' panel (table ``admin_settings``)."""

    id = uuid_key()
    key = VarCharField(max_length=255, unique=True)
    value = models.JSONField()
    description = models.TextField(null=True, blank=True)
    updated_by = models.UUIDField()
    updated_at = timestamp()

    class Meta:
        db_table = "admin_settings"

    def __str__(self) -> str:
        return self.key
