"""A person who exists for the length of one check, with a row of each kind in each context, made by the owner.

Other logins can only be tried on rows that are committed, so these are; a run that was killed leaves them, with no way
to log in, for the next run to remove.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from exchanger.kernel.contexts import Context


class CheckDisturbedError(RuntimeError):
    """A live process changed what the check had just made; another run will do."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of ``table`` that belong to a context, as ``owner_column`` says.

    ``name`` is the matrix's; ``column`` finds a row, and ``pattern`` is what it holds; ``insert`` takes ``{value}``,
    ``{user}`` and ``{context}``.
    """

    name: str
    table: str
    column: str
    pattern: str
    owner_column: str
    insert: sql.SQL

    def value(self, context: Context, mark: str) -> str:
        return self.pattern.format(context=context, mark=mark)

    def owned_by(self, context: Context, mark: str) -> str:
        """What ``owner_column`` holds where the row is the context's."""
        return self.value(context, mark) if self.owner_column == self.column else context

    def inserted(self, context: Context, user_id: uuid.UUID, mark: str) -> sql.Composed:
        return self.insert.format(
            value=sql.Literal(self.value(context, mark)), user=sql.Literal(user_id), context=sql.Literal(str(context))
        )


_INVALIDATION = sql.SQL("INSERT INTO cache_invalidations (key) VALUES ({value})")
KINDS = (
    Kind(
        "sessions",
        "sessions",
        "id",
        "{mark}-{context}",
        "application_context",
        sql.SQL(
            "INSERT INTO sessions (id, user_id, application_context, expires_at)"
            " VALUES ({value}, {user}, {context}, now() + interval '10 minutes')"
        ),
    ),
    Kind(
        "old_sessions",
        "old_sessions",
        "id",
        "{mark}-{context}",
        "application_context",
        sql.SQL("INSERT INTO old_sessions (id, user_id, application_context, way)"
                " VALUES ({value}, {user}, {context}, 'visit')"),
    ),
    Kind(
        "user_permissions",
        "user_permissions",
        "permission",
        "{mark}-{context}",
        "application_context",
        sql.SQL("INSERT INTO user_permissions (user_id, permission, application_context)"
                " VALUES ({user}, {value}, {context})"),
    ),
    Kind(
        "cache_invalidations (session keys)",
        "cache_invalidations",
        "key",
        "identity:session:{context}:{mark}",
        "key",
        _INVALIDATION,
    ),
    Kind(
        "cache_invalidations (user keys)",
        "cache_invalidations",
        "key",
        "identity:user:{context}:{mark}",
        "key",
        _INVALIDATION,
    ),
)  # fmt: skip

_PERSON = "INSERT INTO users (id, email, password_hash) VALUES (%s, %s, '!')"
_LEFT_BEHIND = """
DELETE FROM users WHERE email LIKE 'isolation-check-%@invalid' AND created_at < now() - interval '1 hour'
"""
# A live process replays and removes pending invalidations, but skips those that somebody holds.
_HOLD = "SELECT FROM cache_invalidations WHERE key LIKE '%%:' || %s FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Throwaway:
    """The person, and the mark that every row of theirs carries."""

    user_id: uuid.UUID
    mark: str


@contextmanager
def throwaway(owner: psycopg.Connection) -> Iterator[Throwaway]:
    """Make the rows, commit them, and remove them at the end, whatever happens in between.

    Raises:
        CheckDisturbedError: a live process took rows away before they could be held.
    """
    person = Throwaway(uuid.uuid4(), f"isolation-check-{uuid.uuid4().hex}")
    owner.execute(_LEFT_BEHIND)
    try:
        with owner.transaction():
            owner.execute(_PERSON, (person.user_id, f"{person.mark}@invalid"))
            for kind in KINDS:
                for context in Context:
                    owner.execute(kind.inserted(context, person.user_id, person.mark))
        with owner.transaction():
            if owner.execute(_HOLD, (person.mark,)).rowcount != 2 * len(Context):
                raise CheckDisturbedError("A live process replayed the check's pending invalidations: run it again.")
            yield person
    finally:
        with owner.transaction():
            owner.execute("DELETE FROM cache_invalidations WHERE key LIKE '%%:' || %s", (person.mark,))
            owner.execute("DELETE FROM users WHERE id = %s", (person.user_id,))
