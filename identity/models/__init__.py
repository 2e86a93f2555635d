from identity.models.cache_invalidation import CacheInvalidation
from identity.models.old_session import OldSession
from identity.models.permission import SUPERUSER, UserPermission
from identity.models.profile import UserProfile
from identity.models.session import Session
from identity.models.telegram_link_code import TelegramLinkCode
from identity.models.user import User

__all__ = [
    "SUPERUSER",
    "CacheInvalidation",
    "OldSession",
    "Session",
    "TelegramLinkCode",
    "User",
    "UserPermission",
    "UserProfile",
]
