from django.db import models

from exchanger.kernel.contexts import Context
from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp


class OldSession(models.Model):
    """A session of the older platform that has become one of ours, once and for all (table ``old_sessions``).

    It stays when the session ends, so that a session which somebody has ended is not fetched from the old place again.
    ``id`` is a hash of the old session's key, and ``way`` how it came: by ``manage.py import_sessions``, or when
    somebody came with its cookie.
    """

    IMPORT, VISIT = "import", "visit"

    id = VarCharField(max_length=64, primary_key=True)
    user = models.ForeignKey("identity.User", models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    application_context = VarCharField(max_length=50, choices=[(c.value, c.value) for c in Context])
    way = VarCharField(max_length=10)
    moved_at = timestamp()

    class Meta:
        db_table = "old_sessions"
        constraints = [
            DatabaseForeignKey(name="fk_old_session", column="user_id", references="users"),
            models.CheckConstraint(
                name="old_sessions_context_known",
                condition=models.Q(application_context__in=[c.value for c in Context]),
            ),
            models.CheckConstraint(name="old_sessions_way_known", condition=models.Q(way__in=["import", "visit"])),
        ]
        indexes = [models.Index(fields=["user"], name="idx_old_sessions_user")]

    def __str__(self) -> str:
        return f"{self.application_context} session of {self.user_id}, moved"
