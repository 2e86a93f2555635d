from django.db import models

from exchanger.kernel.contexts import Context
from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp


class Session(models.Model):
    """A person's session in one application (table ``sessions``).

    ``id`` is the SHA-256 of the key in the cookie, so the row opens nothing. ``version`` grows with every save;
    the cache uses it to tell older from newer. ``updated_at`` is when the session was last seen, to the minute, and
    ``ip_address`` and ``user_agent`` are where it was opened.
    """

    id = VarCharField(max_length=255, primary_key=True)
    user = models.ForeignKey("identity.User", models.CASCADE, db_constraint=False, db_index=False)
    application_context = VarCharField(max_length=50, choices=[(c.value, c.value) for c in Context])
    session_data = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField()
    created_at = timestamp()
    updated_at = timestamp()
    version = models.BigIntegerField(default=1, db_default=1)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = VarCharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        db_table = "sessions"
        constraints = [
            DatabaseForeignKey(name="fk_user", column="user_id", references="users"),
            models.CheckConstraint(
                name="sessions_context_known",
                condition=models.Q(application_context__in=[c.value for c in Context]),
            ),
        ]
        indexes = [
            models.Index(fields=["application_context", "user"], name="idx_sessions_app_context"),
            models.Index(fields=["expires_at"], name="idx_sessions_expires"),
            models.Index(fields=["user"], name="idx_sessions_user"),
        ]

    def __str__(self) -> str:
        return f"{self.application_context} session of {self.user_id}"
