"""When a person wants to be left in peace; senders ask when they claim (``notification_delivery``)."""

from typing import Final

from django.db import connections, transaction

from bot.models import QuietHours
from bot.quiet_hours import Hours

ALIAS: Final = "bot"

# Whatever was put off for the hours as they were: senders decide about it anew. The clock is the moment's, so that none
# of them holds any of these rows already.
_RELEASE: Final = """
UPDATE notifications SET put_off_until = NULL, next_attempt_at = now()
WHERE telegram_user_id = %s AND NOT sent AND dead_at IS NULL AND put_off_until > clock_timestamp()
"""


@transaction.atomic(using=ALIAS)
def quiet_hours_set(*, telegram_user_id: int, hours: Hours) -> None:
    """Send nothing but what is urgent within these hours, in the place of any others."""
    QuietHours.objects.update_or_create(
        pk=telegram_user_id,
        defaults={"quiet_from": hours.begin, "quiet_until": hours.end, "zone": hours.zone.key},
    )
    _release(telegram_user_id)


@transaction.atomic(using=ALIAS)
def quiet_hours_remove(*, telegram_user_id: int) -> None:
    """Send at any hour again."""
    QuietHours.objects.filter(pk=telegram_user_id).delete()
    _release(telegram_user_id)


def _release(telegram_user_id: int) -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_RELEASE, [telegram_user_id])
