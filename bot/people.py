"""The person behind a chat, as far as the bot needs to know them."""

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose Telegram account is linked; ``zone`` is the one in which they want to read times."""

    user_id: UUID
    language: str
    zone: ZoneInfo


def find_person(user_id: UUID | None, telegram_user_id: int) -> Person | None:
    """Who has linked the account, by what their profile says now; None where it is nobody's, or not any more."""
    if user_id is None:
        return None
    profile = IdentityAdapter(Context.TELEGRAM).find_user_profile(user_id)
    if profile.telegram_user_id != telegram_user_id:
        return None
    return Person(user_id, profile.language, _zone(profile.time_zone))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC_ZONE
