"""What a person wants to be told; senders ask when they claim (``notification_delivery``)."""

from uuid import UUID

from bot.models import NotificationPreferences
from bot.notification_kinds import Kind


def notification_kind_set(*, user_id: UUID, kind: Kind, wanted: bool) -> None:
    """Send the person notifications of this kind from now on, or do not: what waits already is treated alike."""
    NotificationPreferences.objects.update_or_create(user_id=user_id, defaults={kind.value: wanted})
