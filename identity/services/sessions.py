"""Opening sessions for people who have proved themselves, and ending them: one's own, and other people's."""

from collections import Counter
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connections, transaction

from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import SESSIONS
from exchanger.kernel.contexts import IDENTITY, Context, current, require
from exchanger.kernel.origin import Origin
from identity.models import User
from identity.sessions import SessionStore


def session_open(*, user: User, origin: Origin | None = None) -> SessionStore:
    """A new session of ``user`` in the process's own context, saved; its ``session_key`` is the token.

    ``origin`` is where the person asked for it.
    """
    session = SessionStore()
    session.origin = origin or Origin()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session


@transaction.atomic(using=IDENTITY)
def user_session_end(*, user_id: UUID, session_id: str) -> bool:
    """End one session that a person has in the process's own context; False when there is no such session.

    ``session_id`` is the row's id, the SHA-256 of the key.
    """
    return _end("id = %s", user_id, session_id) == 1


@transaction.atomic(using=IDENTITY)
def user_sessions_end(*, user_id: UUID, keep: str = "") -> int:
    """End a person's sessions in the process's own context, save the row ``keep``; returns how many ended."""
    return _end("id <> %s", user_id, keep)


def _end(condition: str, user_id: UUID, row_id: str) -> int:
    """One statement deletes, another notes the keys in the same transaction; they are unlinked after the commit."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(
            f"DELETE FROM sessions WHERE user_id = %s AND application_context = %s AND {condition} RETURNING id",  # noqa: S608
            (user_id, current(), row_id),
        )
        ended = [row_id for (row_id,) in cursor.fetchall()]
    invalidate_on_commit([SESSIONS.key(row_id) for row_id in ended], using=IDENTITY)
    return len(ended)


@transaction.atomic(using=IDENTITY)
def user_sessions_revoke(
    *, user_id: UUID, context: Context | None = None, session_id: str | None = None
) -> dict[str, int]:
    """End a person's sessions: all, those of one context, or the one of an id; for the admin context only.

    The database functions reveal ids and contexts, never the data. Returns how many ended, by context.

    Raises:
        ForeignContext, NoContext: anywhere but in an admin process.
        ValueError: both a context and an id are given.
    """
    require(Context.ADMIN)
    if context is not None and session_id is not None:
        raise ValueError("An id says which session it is: give it alone.")
    call, arguments = "revoke_user_sessions(%s)", [str(user_id)]
    if context is not None:
        call, arguments = "revoke_context_sessions(%s, %s)", [str(user_id), context.value]
    elif session_id is not None:
        call, arguments = "revoke_session(%s, %s)", [str(user_id), session_id]
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(f"SELECT id, application_context FROM {call}", arguments)  # noqa: S608
        revoked = cursor.fetchall()
    keys = [key for row_id, _ in revoked for key in SESSIONS.deletable_keys(row_id)]
    invalidate_on_commit(keys, using=IDENTITY)
    return dict(Counter(ended for _, ended in revoked))
