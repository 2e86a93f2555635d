"""The cached user: what authentication needs of a person in one context, and nothing secret."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.utils import timezone

from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.leases import CoherentCache, Loaded
from exchanger.kernel.cache.namespaces import USERS
from exchanger.kernel.contexts import IDENTITY, Context, require
from identity.models import User, UserPermission


class UserCache:
    """Users under ``identity:user:{context}:{id}`` (the source document's class of this name)."""

    def __init__(self, context: Context) -> None:
        require(context)
        self.context = context
        self._cache = CoherentCache(USERS)

    def get_user_data(self, user_id: str | UUID) -> dict[str, Any] | None:
        """``id, email, emailVerified, permissions`` of this context, ``lastActive`` (UTC) and ``sessionAuthHash``.

        One Redis command when warm, one SQL statement and one more command when not. None for nobody.
        """
        data: dict[str, Any] | None = self._cache.get(user_id, lambda: self._load(user_id))
        return data

    def get_user(self, user_id: str | UUID) -> User | None:
        """The person as a User whose permissions and session hash are known without asking PostgreSQL.

        Every way in asks here, a session's each request among them: who is blocked is nobody.
        """
        data = self.get_user_data(user_id)
        return None if data is None else _user(data)

    def _load(self, user_id: str | UUID) -> Loaded | None:
        granted = UserPermission.objects.filter(user_id=user_id, application_context=self.context)
        users = User.objects.annotate(permissions=ArraySubquery(granted.order_by("permission").values("permission")))
        if self.context is Context.TELEGRAM:
            # The hash is a column that this context's login may not read; its sessions are tied to the linked account.
            users = users.defer("password").select_related("profile")
        user = users.filter(pk=user_id, blocked_at=None).first()
        if user is None:
            return None
        return Loaded(
            {
                "id": str(user.pk),
                "email": user.email,
                "emailVerified": user.email_verified,
                "permissions": user.permissions,
                "lastActive": timezone.now().isoformat(),
                "sessionAuthHash": user.get_session_auth_hash(),
            }
        )


def invalidate_user_cache(user_id: str | UUID) -> None:
    """Drop the person's cached copies in all three contexts when the transaction under way commits."""
    invalidate_on_commit(USERS.deletable_keys(user_id), using=IDENTITY)


def _user(data: dict[str, Any]) -> User:
    fields = {"id": UUID(data["id"]), "email": data["email"], "email_verified": data["emailVerified"]}
    user = User.from_db(IDENTITY, list(fields), list(fields.values()))
    user.granted = frozenset(data["permissions"])
    user.auth_hash = data["sessionAuthHash"]
    return user
