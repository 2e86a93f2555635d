from django.db import models

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField


class UserProfile(models.Model):
    """What a person tells about themselves, and the Telegram account that is theirs (table ``user_profiles``).

    PostgreSQL stamps ``telegram_linked_at`` whenever the account changes, and ends the person's telegram sessions then
    (exchanger/isolation/sql/identity.sql); it is NULL where nothing is linked, or nobody knows since when.
    """

    user = models.OneToOneField(
        "identity.User", models.CASCADE, primary_key=True, db_constraint=False, related_name="profile"
    )
    display_name = VarCharField(max_length=255, blank=True, default="", db_default="")
    phone = VarCharField(max_length=32, blank=True, default="", db_default="")
    language = VarCharField(max_length=10, default="en", db_default="en")
    time_zone = VarCharField(max_length=64, default="UTC", db_default="UTC")
    telegram_user_id = models.BigIntegerField(null=True, blank=True, unique=True)
    telegram_linked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "user_profiles"
        constraints = [DatabaseForeignKey(name="fk_user_profile", column="user_id", references="users")]

    def __str__(self) -> str:
        return self.display_name or str(self.pk)
