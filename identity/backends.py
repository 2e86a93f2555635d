from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from exchanger.kernel.contexts import Context, current
from identity.cache import UserCache
from identity.models import User
from identity.services.users import AccountBlocked, user_check_password


class IdentityBackend(BaseBackend):
    """E-mail and password, and the permissions of the process's own context.

    ``authenticate`` raises AccountBlocked where the password is right, and operators have blocked the account.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        email = username or kwargs.get(User.USERNAME_FIELD)
        if not email or not password or current() is Context.TELEGRAM:
            return None
        user = User.objects.filter(email=User.objects.normalize_email(email)).first()
        if user is None:
            make_password(password)  # the work that a known address would have cost
            return None
        if not user_check_password(user=user, password=password):
            return None
        if user.blocked_at is not None:
            raise AccountBlocked(user)
        known = self.get_user(user.pk)
        if known is not None:
            # The session is tied to the password that was given: has it been changed since, the session opens nothing.
            known.auth_hash = user.get_session_auth_hash()
        return known

    def get_user(self, user_id: str | UUID) -> User | None:
        return UserCache(current()).get_user(user_id)
