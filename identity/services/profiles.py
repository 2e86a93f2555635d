from uuid import UUID

from identity.models import UserProfile


def profile_update(*, user_id: UUID, **changes: str) -> UserProfile:
    """Change the named columns of a person's profile (display_name, phone, language, time_zone), and no others."""
    profile, _ = UserProfile.objects.update_or_create(user_id=user_id, defaults=changes)
    return profile
