"""What is stored of an old session until its cookie is shown."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity.old_sessions.keys import moved_id
from identity.old_sessions.rows import Given
from identity.old_sessions.values import OldSession, Unreadable
from identity.session_values import encoded_data

OLD = "old"  # where the session keeps what it held on the older platform, apart from what is ours


def given_of(key: str, session: OldSession, kept_until: datetime | None) -> Given:
    """What is stored of an old session; it ends with its value or its key, whichever is first.

    What says nothing of an end may live for as long as a session of ours.

    Raises:
        Unreadable: it has ended, or holds what PostgreSQL cannot keep.
    """
    ends = [moment for moment in (session.expires_at, kept_until) if moment is not None]
    expires_at = min(ends, default=timezone.now() + timedelta(seconds=settings.SESSION_ABSOLUTE_AGE))
    if expires_at <= timezone.now():
        raise Unreadable("it has ended")
    data: dict[str, Any] = {OLD: {"fields": session.fields, "signed": session.signed}}
    try:
        return Given(moved_id(key), session.user_id, encoded_data(data), expires_at)
    except (TypeError, ValueError):
        raise Unreadable("it holds what is not JSON for PostgreSQL") from None
