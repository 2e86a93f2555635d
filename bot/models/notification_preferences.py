from django.db import models


def _wanted() -> models.BooleanField:
    return models.BooleanField(default=True, db_default=True)


class NotificationPreferences(models.Model):
    """Which kinds of notifications a person wants (table ``notification_preferences``); without a row, all.

    What the kinds are of is declared in ``bot/notification_kinds.py``.
    """

    user_id = models.UUIDField(primary_key=True)
    orders = _wanted()
    payments = _wanted()
    refunds = _wanted()
    alerts = _wanted()
    broadcasts = _wanted()

    class Meta:
        db_table = "notification_preferences"
        verbose_name_plural = "notification preferences"

    def __str__(self) -> str:
        return str(self.user_id)
