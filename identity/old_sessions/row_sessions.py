"""The sessions of the older platform's database, streamed: the source document's, and ``django_session``."""

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from django.core import signing
from psycopg import sql

from exchanger.kernel.cache.codec import decode
from exchanger.kernel.contexts import Context
from identity.old_sessions.passwords import NO_SECRET_KEY
from identity.old_sessions.stored import Stored, in_batches
from identity.old_sessions.values import USERS, OldSession, Unreadable, read_data, user_uuid

SESSIONS_TABLE, DJANGO_TABLE = "sessions", "django_session"
_NEEDED = {
    SESSIONS_TABLE: ("id", "user_id", "session_data", "expires_at"),
    DJANGO_TABLE: ("session_key", "session_data", "expire_date"),
}
_DJANGO_SALT = "django.contrib.sessions.SessionStore"


class OtherShape(ValueError):
    """A table of sessions is not one that is known; the message says what it lacks."""

    def __init__(self, table: str, lacks: list[str]) -> None:
        super().__init__(
            f"The older platform's table {table} has no {', '.join(lacks)}: "
            "give a login whose search_path finds a view of that name, which has them, first."
        )


class RowSessions:
    """The old database's rows: ``sessions`` of the source document, and ``django_session``; those that are there.

    ``contexts`` says whose a table's rows are, where a row does not say it itself; ``zone`` is that of zoneless times.
    """

    def __init__(
        self, url: str, contexts: dict[str, Context], *, zone: ZoneInfo, secret_keys: Sequence[str], batch: int
    ) -> None:
        self._url = url
        self._contexts = contexts
        self._zone = zone
        self._secret_keys = secret_keys
        self._batch = batch

    def about(self) -> int:
        """The planner's guess at the number of rows; raises psycopg.Error."""
        with self._connect() as old:
            found = old.execute(
                "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class"
                " WHERE oid = ANY (ARRAY[to_regclass(%s), to_regclass(%s)]::oid[])",
                (SESSIONS_TABLE, DJANGO_TABLE),
            ).fetchone()
        assert found is not None
        return int(found[0])

    def batches(self) -> Generator[list[Stored], None, None]:
        """Raises psycopg.Error, OtherShape."""
        with self._connect() as old:
            for table, read in ((SESSIONS_TABLE, self._session), (DJANGO_TABLE, self._django_session)):
                columns = _columns(old, table)
                if not columns:
                    continue
                if lacks := [column for column in _NEEDED[table] if column not in columns]:
                    raise OtherShape(table, lacks)
                with old.cursor(name="old_sessions") as cursor:
                    cursor.itersize = self._batch
                    cursor.execute(self._select(table, columns))
                    for rows in in_batches(cursor, self._batch):
                        yield [read(*row) for row in rows]

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, options="-c default_transaction_read_only=on")

    def _select(self, table: str, columns: dict[str, str]) -> sql.Composed:
        if table == DJANGO_TABLE:
            return sql.SQL("SELECT session_key, session_data, {} FROM django_session").format(
                self._time("expire_date", columns)
            )
        context = sql.Identifier("application_context") if "application_context" in columns else sql.NULL
        return sql.SQL("SELECT id::text, user_id::text, {}, session_data::text, {} FROM sessions").format(
            context, self._time("expires_at", columns)
        )

    def _time(self, column: str, columns: dict[str, str]) -> sql.Composable:
        if columns[column] == "timestamp without time zone":
            return sql.SQL("{} AT TIME ZONE {}").format(sql.Identifier(column), sql.Literal(self._zone.key))
        return sql.Identifier(column)

    def _session(self, key: str, user: str, named: str | None, data: str | None, ends: datetime) -> Stored:
        context = self._contexts[SESSIONS_TABLE] if named is None else _context(named)
        if context is None:
            return Stored(SESSIONS_TABLE, key, None, reason="its application is none of ours")
        try:
            fields = _object(data)
            session = OldSession(user_uuid(user, USERS), None, None, fields)
        except Unreadable as error:
            return Stored(SESSIONS_TABLE, key, context, reason=str(error))
        return Stored(SESSIONS_TABLE, key, context, ends, session=session)

    def _django_session(self, key: str, data: str, ends: datetime) -> Stored:
        context = self._contexts[DJANGO_TABLE]
        try:
            session = read_data(self._unsigned(data))
        except Unreadable as error:
            return Stored(DJANGO_TABLE, key, context, reason=str(error))
        return Stored(DJANGO_TABLE, key, context, ends, session=session)

    def _unsigned(self, data: str) -> Any:
        if not self._secret_keys:
            raise Unreadable(NO_SECRET_KEY)
        first, *others = self._secret_keys
        try:
            return signing.loads(data, key=first, salt=_DJANGO_SALT, fallback_keys=list(others))
        except Exception as error:  # a damaged one fails in any way it likes
            raise Unreadable("it is not signed with the old SECRET_KEY") from error


def _context(name: str) -> Context | None:
    return Context(name) if name in set(Context) else None


def _object(data: str | None) -> dict[str, Any]:
    found = {} if data is None else decode(data)
    return found if isinstance(found, dict) else {}


def _columns(old: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """The table's columns with their types; none where it is not there."""
    return dict(
        old.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            (table,),
        ).fetchall()
    )
