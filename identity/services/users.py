"""Writes on people. Each drops the cached user in all three contexts with the commit of its change."""

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from exchanger.kernel.contexts import IDENTITY
from identity.cache import invalidate_user_cache
from identity.models import User, UserProfile


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
