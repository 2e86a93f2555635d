from uuid import UUID

from identity.models import UserProfile


def profile_update(*, user_id: UUID, **changes: str) -> UserProfile:
    """Change the named columns of a person's profile (display_name, phone, language, time_zone), and no others."""
    profile, is_new = UserProfile.objects.get_or_create(user_id=user_id, defaults=changes)
    if not is_new:
        for name, value in changes.items():
            setattr(profile, name, value)
        # Not update_or_create: it writes every column of a time as well, and the linked account's is not ours to write.
        profile.save(update_fields=list(changes))
    return profile
