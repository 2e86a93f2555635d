"""The session engine: PostgreSQL is the truth, Redis the cache, and every statement is bound to one context.

Neither store holds a usable token: the row's and the cached key's id is the SHA-256 of the key in the cookie.
A person's session is a row of ``sessions``; an anonymous one lives in Redis alone and becomes a row, under a new key,
when somebody logs in. The cache works by leases (see ``exchanger.kernel.cache.leases``), so a reader never brings
back a session that has been deleted.
"""

import logging
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from exchanger.kernel.cache.leases import CoherentCache, Loaded, unlink
from exchanger.kernel.cache.namespaces import SESSIONS, CacheKey
from exchanger.kernel.contexts import IDENTITY, current
from exchanger.kernel.origin import Origin
from identity import session_rows
from identity.anonymous_sessions import is_cached, keep_anonymous
from identity.session_values import Held, encoded_data, stored_id

if TYPE_CHECKING:
    from identity.old_sessions.arrival import Arrival

logger = logging.getLogger(__name__)

KEY_LENGTH = 32
PURGE_BATCH = 5000

_cache = CoherentCache(SESSIONS)


class SessionStore(SessionBase):
    """A session of the process's own context; another context's key finds, changes and deletes nothing.

    ``origin`` is where the client is, and goes into the row that a login makes. ``arrival`` is an old platform's cookie
    that stands for the key: the session is opened by it when somebody first asks for it.

    Raises:
        NoContext: in a maintenance process, which serves nobody.
    """

    origin = Origin()
    arrival: "Arrival | None" = None

    def __init__(self, session_key: str | None = None) -> None:
        self.context = current()
        self._held: Held | None = None  # what the stores hold under the key, where that is known
        self._known = False
        self.end_unconfirmed = False  # a deletion has not reached Redis yet; it is noted, and will
        super().__init__(session_key)

    # --- reading

    def load(self) -> dict[str, Any]:
        held = self._read() if self.session_key and self._is_open(self.session_key) else None
        if held is not None and held.expires_at <= timezone.now():
            held = None
        self._keep(held)
        if held is None:
            self._session_key = None
            return {}
        return held.data

    def exists(self, session_key: str | None) -> bool:
        if not session_key:
            return False
        row_id = stored_id(session_key)
        return is_cached(SESSIONS.key(row_id)) or session_rows.exists(row_id, self.context)

    # --- writing

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Save the data under the session's key.

        Raises:
            CreateError: ``must_create``, and the key is taken.
            UpdateError: the session was deleted meanwhile, or never was; it stays so.
            TypeError: the data is not JSON.
            ValueError: the data uses a name that the cached value needs for itself, or holds the character NUL.
        """
        if self.session_key is None:
            return self.create()
        data: dict[str, Any] = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        if self.session_key is None:  # loading found nothing
            raise UpdateError
        encoded = encoded_data(data)
        if not must_create and not self._known:
            self._learn()
        user_id = data.get(USER_ID)
        if must_create:
            self._insert(user_id, data, encoded)
        elif user_id is None and self._user_id is None:
            self._save_anonymous(data, create=False)
        elif user_id is None or self._user_id is None:
            # Logging in makes an anonymous session a row, logging out the reverse: never under the same key, and
            # the new one's life begins here.
            self._held = None
            self.cycle_key()
        else:
            self._update(user_id, data, encoded)
        return None

    def touch(self) -> bool:
        """Lengthen the life of a person's session that is in use; whether that was due, and done.

        It is due when it would gain more than ``SESSION_TOUCH_SECONDS``, so a session in use costs one statement a
        minute. What other requests save meanwhile stays. PostgreSQL out of reach leaves the session as it is.
        """
        held = self._held
        if held is None or held.user_id is None or self.modified:
            return False
        expires_at = self._expires_at()
        if expires_at - held.expires_at <= timedelta(seconds=settings.SESSION_TOUCH_SECONDS):
            return False
        try:
            row = session_rows.touch(self._id, self.context, expires_at=expires_at)
        except (OperationalError, InterfaceError) as error:
            logger.warning("A session's end was not moved (%s)", type(error).__name__)
            return False
        if row is None:  # it ended while the request was under way
            return False
        self._keep(Held.of_row(row))
        self._write_through()
        return True

    def delete(self, session_key: str | None = None) -> None:
        if session_key is None:
            session_key = self.session_key
        if not session_key or not self._is_open(session_key):
            return
        row_id = stored_id(session_key)
        key = SESSIONS.key(row_id)
        note = session_rows.delete(row_id, self.context, key)
        transaction.on_commit(lambda: self._drop(key, note), using=IDENTITY)

    def cycle_key(self) -> None:
        """Give the session a new key; the old one is dead.

        A person's session is moved in one statement, so that one which has been ended does not live on under its new
        key, and a revocation of the person's sessions ends it on either side of the move.

        Raises:
            SessionInterrupted: the session was ended while the request was under way.
        """
        data: dict[str, Any] = self._get_session()  # type: ignore[attr-defined]
        user_id = data.get(USER_ID)
        if user_id is None or self._user_id is None:
            super().cycle_key()
        else:
            self._move(user_id, data)

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    @classmethod
    def clear_expired(cls) -> None:
        """Delete expired rows in batches; a web process can only reach web's, maintenance reaches all."""
        while session_rows.purge_expired(PURGE_BATCH) == PURGE_BATCH:
            pass

    # --- inside

    @property
    def _id(self) -> str:
        assert self.session_key is not None
        return stored_id(self.session_key)

    @property
    def ends_at(self) -> datetime | None:
        """When the session that was loaded ends (aware); None where there is none."""
        return None if self._held is None else self._held.expires_at

    @property
    def _user_id(self) -> str | None:
        """Whose the stored session is; None while it is anonymous, or there is none."""
        return None if self._held is None else self._held.user_id

    def _is_open(self, key: str) -> bool:
        """Whether a key may be looked up; one that an old cookie stands for, only when that has opened it."""
        return self.arrival is None or key != self.arrival.new_key or self.arrival.open()

    def _keep(self, held: Held | None) -> None:
        self._held = held
        self._known = True

    def _get_new_session_key(self) -> str:
        """32 random characters of 36 (165 bits); whether they are taken, the INSERT says."""
        return "".join(secrets.choice(VALID_KEY_CHARS) for _ in range(KEY_LENGTH))

    def _learn(self) -> None:
        key = self.session_key
        self.load()
        if self.session_key is None:
            self._session_key = key
            raise UpdateError

    def _read(self) -> Held | None:
        """The cached session, or the row where there is none or it is not one of ours."""
        value = _cache.get(self._id, self._load_row)
        if value is None:
            return None
        try:
            return Held.of_cached(value)
        except (TypeError, KeyError, ValueError):
            logger.warning("A cached session is damaged: PostgreSQL is asked instead")
        row = session_rows.select(self._id, self.context)
        with suppress(RedisError):
            unlink([SESSIONS.key(self._id)])
        return None if row is None else Held.of_row(row)

    def _expires_at(self) -> datetime:
        """When the session ends (aware): its idle or own life from now on, within its absolute life.

        A naive moment given to ``set_expiry`` is in the current time zone.
        """
        moment: datetime = self.get_expiry_date()
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
        return min(moment, self._created_at() + timedelta(seconds=settings.SESSION_ABSOLUTE_AGE))

    def _created_at(self) -> datetime:
        """When the life began; a new key, as after a change of password, does not begin it anew."""
        return timezone.now() if self._held is None else self._held.created_at

    def _load_row(self) -> Loaded | None:
        row = session_rows.select(self._id, self.context)
        return None if row is None else Held.of_row(row).loaded()

    def _drop(self, key: CacheKey, note: int | None) -> None:
        try:
            unlink([key])
        except RedisError as error:
            logger.warning("A session has ended, but Redis has not dropped it yet (%s)", type(error).__name__)
            if note is None:  # there was no row, and if the session was an anonymous one, Redis still has it
                self.end_unconfirmed = not _drop_later(key)
            else:
                self.end_unconfirmed = True
        else:
            if note is not None:
                session_rows.forget_pending(note)

    def _insert(self, user_id: str | None, data: dict[str, Any], encoded: bytes) -> None:
        if user_id is None:
            return self._save_anonymous(data, create=True)
        expires_at, created_at = self._expires_at(), self._created_at()
        # The lease comes before the row, so that whoever revokes it in between wins.
        lease = _cache.lease(self._id)
        version = session_rows.insert(
            self._id,
            user_id,
            self.context,
            encoded,
            expires_at=expires_at,
            created_at=created_at,
            origin=self.origin,
        )
        if version is None:
            raise CreateError
        held = Held(data, user_id, expires_at, created_at, version)
        if lease is not None:
            value = held.loaded()
            transaction.on_commit(lambda: _cache.fill(lease, value), using=IDENTITY)
        self._keep(held)
        return None

    def _update(self, user_id: str, data: dict[str, Any], encoded: bytes) -> None:
        expires_at, created_at = self._expires_at(), self._created_at()
        version = session_rows.update(self._id, user_id, self.context, encoded, expires_at=expires_at)
        if version is None:
            raise UpdateError
        self._keep(Held(data, user_id, expires_at, created_at, version))
        self._write_through()

    def _write_through(self) -> None:
        """Let the cached value follow the row once the change commits; note it as stale where that is unconfirmed."""
        assert self._held is not None
        row_id, version, value = self._id, self._held.version, self._held.loaded()

        def follow() -> None:
            if not _cache.write_through(row_id, value, version):
                _drop_later(SESSIONS.key(row_id))

        transaction.on_commit(follow, using=IDENTITY)

    def _save_anonymous(self, data: dict[str, Any], *, create: bool) -> None:
        """Keep an anonymous session in Redis, the only place it has; an outage of Redis loses it.

        Raises:
            CreateError, UpdateError: there is one already, or none any more.
        """
        held = Held(data, None, self._expires_at(), self._created_at(), 0)
        keep_anonymous(SESSIONS.key(self._id), held.loaded(), create=create)
        self._keep(held)

    def _move(self, user_id: str, data: dict[str, Any]) -> None:
        encoded = encoded_data(data)
        expires_at, created_at = self._expires_at(), self._created_at()
        old_id, key = self._id, self._get_new_session_key()
        old_key, new_id = SESSIONS.key(old_id), stored_id(key)
        lease = _cache.lease(new_id)  # before the row, as for a new session
        moved = session_rows.move(old_id, new_id, user_id, self.context, encoded, expires_at=expires_at, key=old_key)
        if moved is None:
            raise SessionInterrupted("The session was ended while the request was under way.")
        version, note = moved
        self._session_key = key
        held = Held(data, user_id, expires_at, created_at, version)
        self._keep(held)
        self.modified = True
        if lease is not None:
            value = held.loaded()
            transaction.on_commit(lambda: _cache.fill(lease, value), using=IDENTITY)
        transaction.on_commit(lambda: self._drop(old_key, note), using=IDENTITY)


def _drop_later(key: CacheKey) -> bool:
    """Note that Redis must drop a key, and try once more; whether it has.

    Who found Redis back between the failure and the note has not seen the note: it would stay until the next replay.
    """
    note = session_rows.note_pending(key)
    try:
        unlink([key])
    except RedisError:
        return False
    session_rows.forget_pending(note)
    return True
