"""Writes on people. Each drops the cached user in all three contexts with the commit of its change."""

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
