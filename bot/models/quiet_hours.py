from django.db import models
from django.db.models import F, Q

from exchanger.kernel.db.fields import VarCharField


class QuietHours(models.Model):
    """When a Telegram account wants no messages (table ``quiet_hours``); without a row, there is no such time.

    ``quiet_from`` and ``quiet_until`` are on the clock of ``zone``, a name of the IANA database.
    """

    telegram_user_id = models.BigIntegerField(primary_key=True)
    quiet_from = models.TimeField()
    quiet_until = models.TimeField()
    zone = VarCharField(max_length=64)

    class Meta:
        db_table = "quiet_hours"
        verbose_name_plural = "quiet hours"
        constraints = [
            models.CheckConstraint(name="quiet_hours_differ", condition=~Q(quiet_from=F("quiet_until"))),
        ]

    def __str__(self) -> str:
        return str(self.telegram_user_id)
