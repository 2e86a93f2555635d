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


def find_person(telegram_user_id: int) -> Person | None:
    """Who has linked the account, by what the identity database says now; None where nobody has."""
    profile = IdentityAdapter(Context.TELEGRAM).find_profile_by_telegram(telegram_user_id)
    return None if profile is None else Person(profile.user_id, profile.language, _zone(profile.time_zone))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC_ZONE
