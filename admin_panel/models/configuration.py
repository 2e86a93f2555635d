from django.db import models
from django.db.models import Q

from exchanger.kernel.contexts import Context
from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class Configuration(models.Model):
    """One version of a context's configuration document (table ``configurations``); versions are never changed."""

    id = uuid_key()
    application_context = VarCharField(max_length=50, choices=[(c.value, c.value) for c in Context])
    version = models.IntegerField()
    document = models.JSONField()
    comment = models.TextField(blank=True, default="", db_default="")
    created_by = models.UUIDField()
    created_at = timestamp()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "configurations"
        constraints = [
            models.UniqueConstraint(fields=["application_context", "version"], name="configurations_version_unique"),
            models.CheckConstraint(name="configurations_version_positive", condition=Q(version__gt=0)),
            models.CheckConstraint(
                name="configurations_context_known",
                condition=Q(application_context__in=[c.value for c in Context]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_context} v{self.version}"
