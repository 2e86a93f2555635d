"""A person's sessions in every application, as operators see them: never what a session holds."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections

from exchanger.kernel.contexts import IDENTITY

_LIST = """
SELECT id, application_context, created_at, updated_at, expires_at, host(ip_address), user_agent
FROM list_user_sessions(%s) ORDER BY updated_at DESC, id LIMIT %s
"""
_COUNT = "SELECT application_context, count(*) FROM list_user_sessions(%s) GROUP BY application_context"


@dataclass(frozen=True, slots=True)
class UserSession:
    """A live session. ``id`` is what the stores know it by, and opens nothing; times are aware UTC."""

    id: str
    application_context: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    ip_address: str | None
    user_agent: str


def list_sessions(user_id: UUID, limit: int) -> list[UserSession]:
    """The person's live sessions of all contexts, the last seen first."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_LIST, (user_id, limit))
        return [UserSession(*row) for row in cursor.fetchall()]


def count_sessions(user_id: UUID) -> dict[str, int]:
    """How many live sessions the person has, by context; contexts without one are left out."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_COUNT, (user_id,))
        return dict(cursor.fetchall())
