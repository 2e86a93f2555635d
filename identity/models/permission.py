from django.db import models

from exchanger.kernel.contexts import Context
from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key

SUPERUSER = "*"


class UserPermission(models.Model):
    """One permission of one person in one context; ``*`` is all of them there (table ``user_permissions``)."""

    id = uuid_key()
    user = models.ForeignKey("identity.User", models.CASCADE, db_constraint=False, db_index=False)
    permission = VarCharField(max_length=100)
    application_context = VarCharField(max_length=50, choices=[(c.value, c.value) for c in Context])
    granted_at = timestamp()

    class Meta:
        db_table = "user_permissions"
        constraints = [
            DatabaseForeignKey(name="fk_user_perm", column="user_id", references="users"),
            models.UniqueConstraint(
                fields=["user", "permission", "application_context"],
                name="user_permissions_user_id_permission_application_context_key",
            ),
            models.CheckConstraint(
                name="user_permissions_context_known",
                condition=models.Q(application_context__in=[c.value for c in Context]),
            ),
        ]
        indexes = [models.Index(fields=["application_context", "user"], name="idx_user_permissions_context")]

    def __str__(self) -> str:
        return f"{self.application_context}: {self.permission}"
