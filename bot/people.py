"""The person behind a chat, as far as the bot needs to know them."""

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose Telegram account is linked; ``zone`` is the one in which they want to read times.

    For who is ``blocked`` nothing is done that takes an account.
    """

    user_id: UUID
    language: str
    zone: ZoneInfo
    blocked: bool = False


def find_person(telegram_user_id: int) -> Person | None:
    """Whose chat this is now: who has linked the account; None where nobody has. Ask at each use.

    The identity database alone says so. ``conversations.user_id`` is a note for lists of the bot's database, brought in
    line with every update of the chat; nothing is decided by it. An event from web that tells of an unlinking would
    come after it, and leave a moment in which the bot still believed in the link; and the two databases cannot commit
    together.

    Raises:
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    profile = IdentityAdapter(Context.TELEGRAM).find_profile_by_telegram(telegram_user_id)
    if profile is None:
        return None
    blocked = profile.user.blocked_at is not None
    return Person(profile.user_id, profile.language, zone_named(profile.time_zone), blocked)


def zone_named(name: str) -> ZoneInfo:
    """The zone of a profile or of a chat; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC_ZONE
