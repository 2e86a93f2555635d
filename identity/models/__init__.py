from identity.models.cache_invalidation import CacheInvalidation
from identity.models.permission import SUPERUSER, UserPermission
from identity.models.profile import UserProfile
from identity.models.session import Session
from identity.models.user import User

__all__ = ["SUPERUSER", "CacheInvalidation", "Session", "User", "UserPermission", "UserProfile"]
