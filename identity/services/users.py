"""Writes on people. Each drops the cached user in all three contexts with the commit of its change."""

from typing import ClassVar
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from exchanger.kernel.contexts import IDENTITY
from exchanger.kernel.refusals import Refused
from identity.cache import invalidate_user_cache
from identity.models import User, UserProfile
from identity.services.sessions import user_sessions_revoke


class AccountBlocked(Refused):
    """Somebody has proved who they are, and operators have blocked the account."""

    codes: ClassVar = {403: {"account_blocked": "This account is blocked: write to our support."}}

    def __init__(self, user: User) -> None:
        super().__init__("account_blocked", self.codes[403]["account_blocked"], status=403)
        self.user = user


@transaction.atomic(using=IDENTITY)
def user_create(
    *, email: str, password: str | None, email_verified: bool = False, display_name: str = "", language: str = "en"
) -> User:
    """A person with a profile. ``password`` None makes an account that no password opens.

    Raises:
        django.db.IntegrityError: the address is taken, in whichever case it was written.
    """
    user = User(email=User.objects.normalize_email(email), email_verified=email_verified)
    user.set_password(password)
    user.save(force_insert=True)
    UserProfile.objects.create(user=user, display_name=display_name, language=language)
    return user


@transaction.atomic(using=IDENTITY)
def user_set_password(*, user: User, password: str) -> None:
    """Change the password; every session of before, in every context, fails its hash from the commit on."""
    user.set_password(password)
    user.password_changed_at = timezone.now()
    user.save(update_fields=["password", "password_changed_at", "updated_at"])
    invalidate_user_cache(user.pk)


def user_check_password(*, user: User, password: str) -> bool:
    """Whether the password is the person's; a hash of an older algorithm or strength is renewed on the way.

    To the sessions of before, in every context, a renewed hash is a new password. One that was changed since ``user``
    was read stays, and is what the password has to fit. ``user`` then has the hash that it fitted.
    """
    stored, changed = user.password, False

    @transaction.atomic(using=IDENTITY)
    def renew(password: str) -> None:
        nonlocal changed
        renewed = make_password(password)
        same = User.objects.filter(pk=user.pk, password=stored)
        if same.update(password=renewed, updated_at=timezone.now()):
            invalidate_user_cache(user.pk)
            user.password = renewed
        else:
            changed = True
            user.refresh_from_db(fields=["password"])

    right = check_password(password, stored, renew)
    return right and (not changed or check_password(password, user.password))


@transaction.atomic(using=IDENTITY)
def user_block(*, user_id: UUID) -> bool:
    """Let nobody in as this person any more, in any context, and end their sessions; False: blocked already.

    A login that is under way may still open a session; no request of that finds anybody behind it.

    Raises:
        ForeignContext, NoContext: anywhere but in an admin process.
    """
    return _set_blocked(User.objects.filter(pk=user_id, blocked_at=None), user_id, Now())


@transaction.atomic(using=IDENTITY)
def user_unblock(*, user_id: UUID) -> bool:
    """Let the person in again, by a new login alone; False: they were not blocked.

    Raises:
        ForeignContext, NoContext: anywhere but in an admin process.
    """
    return _set_blocked(User.objects.filter(pk=user_id, blocked_at__isnull=False), user_id, None)


def _set_blocked(users: QuerySet[User], user_id: UUID, moment: Now | None) -> bool:
    changed = users.update(blocked_at=moment, updated_at=Now())
    if changed:
        user_sessions_revoke(user_id=user_id)
        invalidate_user_cache(user_id)
    return bool(changed)
