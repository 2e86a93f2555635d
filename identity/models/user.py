from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from exchanger.kernel.contexts import Context, current_or_none
from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key
from identity.models.permission import SUPERUSER


class UserManager(BaseUserManager["User"]):
    """E-mail addresses are kept and looked up in lower case."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return (email or "").strip().lower()

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email=self.normalize_email(email))


class User(AbstractBaseUser):
    """A person, the same one in all three applications (table ``users``).

    What the person may do comes from ``user_permissions``, for the process's own context only; ``granted`` holds
    it once an authenticated request has loaded it. Since ``blocked_at`` nobody comes in as this person, anywhere.
    """

    id = uuid_key()
    email = VarCharField(max_length=255, unique=True)
    password = VarCharField(max_length=255, db_column="password_hash")
    email_verified = models.BooleanField(default=False, db_default=False)
    password_changed_at = timestamp()
    blocked_at = models.DateTimeField(null=True, editable=False)
    created_at = timestamp()
    updated_at = models.DateTimeField(auto_now=True, db_default=timestamp().db_default)

    last_login = None  # the source has no such column
    granted: frozenset[str] = frozenset()
    auth_hash: str | None = None

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "users"
        constraints = [
            models.CheckConstraint(name="users_email_lower", condition=models.Q(email=Lower("email"))),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="idx_users_created"),
            models.Index(
                fields=["-created_at", "-id"], condition=models.Q(blocked_at__isnull=False), name="idx_users_blocked"
            ),
        ]
        permissions = [("block_user", "Can block user")]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email = type(self).objects.normalize_email(self.email)

    @property
    def is_superuser(self) -> bool:
        """Everything is allowed in this process's context."""
        return SUPERUSER in self.granted

    @property
    def is_staff(self) -> bool:
        """May enter the operators' panel: any permission in the admin context is enough."""
        return current_or_none() is Context.ADMIN and bool(self.granted)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether ``app.action_model`` (or any name of our own) is granted in this process's context."""
        return self.is_superuser or perm in self.granted

    def has_perms(self, perm_list: list[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_superuser or any(perm.startswith(f"{app_label}.") for perm in self.granted)

    def get_session_auth_hash(self) -> str:
        """What ties a session to the password of its day; from the user cache where that filled it.

        The telegram process may not read password hashes, and its sessions are not opened with a password: theirs
        end with a change of the password all the same, because they are tied to its moment. They are tied to the
        linked Telegram account too, and to the moment of linking it.
        """
        if self.auth_hash is not None:
            return self.auth_hash
        secret = self._telegram_state() if current_or_none() is Context.TELEGRAM else self.password
        return salted_hmac("identity.session", secret, algorithm="sha256").hexdigest()

    def _telegram_state(self) -> str:
        profile = getattr(self, "profile", None)  # some people have none
        link = f"{profile.telegram_user_id} {profile.telegram_linked_at}" if profile else "None None"
        return f"{self.pk} {self.password_changed_at.isoformat()} {link}"
