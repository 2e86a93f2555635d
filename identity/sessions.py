"""The session engine: PostgreSQL is the truth, Redis the cache, and every statement is bound to one context.

Neither store holds a usable token: the row's and the cached key's id is the SHA-256 of the key in the cookie.
A person's session is a row of ``sessions``; an anonymous one lives in Redis alone and becomes a row, under a new key,
when somebody logs in. The cache works by leases (see ``exchanger.kernel.cache.leases``), so a reader never brings
back a session that has been deleted.
"""

import hashlib
import logging
import re
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from exchanger.kernel.cache.access import ask
from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.cache.leases import CoherentCache, Loaded, unlink
from exchanger.kernel.cache.namespaces import SESSIONS, CacheKey
from exchanger.kernel.contexts import IDENTITY, current
from identity import session_rows

logger = logging.getLogger(__name__)

KEY_LENGTH = 32
PURGE_BATCH = 5000
RESERVED = ("userId", "expiresAt", "version")  # what the cached value carries beside the session's own data
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # the escape itself, not a backslash followed by u0000

_cache = CoherentCache(SESSIONS)


def stored_id(session_key: str) -> str:
    """What both stores know a session by: the SHA-256 of its key, in hex."""
    return hashlib.sha256(session_key.encode(errors="surrogatepass")).hexdigest()


class SessionStore(SessionBase):
    """A session of the process's own context; another context's key finds, changes and deletes nothing.

    Raises:
        NoContext: in a maintenance process, which serves nobody.
    """

    def __init__(self, session_key: str | None = None) -> None:
        self.context = current()
        self._stored_user: str | None = None  # whose row it is; None while anonymous
        self._known = False  # whether _stored_user is what the stores say
        self.end_unconfirmed = False  # a deletion has not reached Redis yet; it is noted, and will
        super().__init__(session_key)

    # --- reading

    def load(self) -> dict[str, Any]:
        value = self._read() if self.session_key else None
        self._known = True
        if value is None or _is_past(value["expiresAt"]):
            self._session_key = None
            self._stored_user = None
            return {}
        self._stored_user = value["userId"]
        return {name: item for name, item in value.items() if name not in RESERVED}

    def exists(self, session_key: str | None) -> bool:
        if not session_key:
            return False
        row_id = stored_id(session_key)
        return _is_cached(SESSIONS.key(row_id)) or session_rows.exists(row_id, self.context)

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
        _check(data)
        if not must_create and not self._known:
            self._learn_owner()
        user_id = data.get(USER_ID)
        if must_create:
            self._insert(user_id, data)
        elif user_id is None and self._stored_user is None:
            _save_anonymous(SESSIONS.key(self._id), _loaded(data, None, self._expires_at(), 0), create=False)
        elif user_id is None or self._stored_user is None:
            # Logging in makes an anonymous session a row, logging out the reverse: never under the same key.
            self.cycle_key()
        else:
            self._update(user_id, data)
        return None

    def delete(self, session_key: str | None = None) -> None:
        if session_key is None:
            session_key = self.session_key
        if not session_key:
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
        if user_id is None or self._stored_user is None:
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

    def _get_new_session_key(self) -> str:
        """32 random characters of 36 (165 bits); whether they are taken, the INSERT says."""
        return "".join(secrets.choice(VALID_KEY_CHARS) for _ in range(KEY_LENGTH))

    def _learn_owner(self) -> None:
        key = self.session_key
        self.load()
        if self.session_key is None:
            self._session_key = key
            raise UpdateError

    def _read(self) -> dict[str, Any] | None:
        """The cached value, or what the row says where there is none or it is not one of ours."""
        value: dict[str, Any] | None = _cache.get(self._id, self._load_row)
        if value is None or _is_whole(value):
            return value
        logger.warning("A cached session is damaged: PostgreSQL is asked instead")
        found = self._load_row()
        with suppress(RedisError):
            unlink([SESSIONS.key(self._id)])
        return None if found is None else found.value

    def _expires_at(self) -> datetime:
        """When the session ends (aware); a naive moment given to ``set_expiry`` is in the current time zone."""
        moment: datetime = self.get_expiry_date()
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment

    def _load_row(self) -> Loaded | None:
        row = session_rows.select(self._id, self.context)
        if row is None:
            return None
        data = row.data if isinstance(row.data, dict) else {}  # jsonb holds null and lists as gladly
        return _loaded(data, row.user_id, row.expires_at, row.version)

    def _drop(self, key: CacheKey, note: int | None) -> None:
        try:
            unlink([key])
        except RedisError as error:
            logger.warning("A session left PostgreSQL but not Redis yet (%s): it is replayed", type(error).__name__)
            self.end_unconfirmed = True
        else:
            if note is not None:
                session_rows.forget_pending(note)

    def _insert(self, user_id: str | None, data: dict[str, Any]) -> None:
        expires_at = self._expires_at()
        if user_id is None:
            _save_anonymous(SESSIONS.key(self._id), _loaded(data, None, expires_at, 0), create=True)
        else:
            # The lease comes before the row, so that whoever revokes it in between wins.
            lease = _cache.lease(self._id)
            version = session_rows.insert(self._id, user_id, self.context, data, expires_at)
            if version is None:
                raise CreateError
            if lease is not None:
                value = _loaded(data, user_id, expires_at, version)
                transaction.on_commit(lambda: _cache.fill(lease, value), using=IDENTITY)
        self._stored_user = user_id
        self._known = True

    def _update(self, user_id: str, data: dict[str, Any]) -> None:
        expires_at = self._expires_at()
        version = session_rows.update(self._id, user_id, self.context, data, expires_at)
        if version is None:
            raise UpdateError
        row_id, value = self._id, _loaded(data, user_id, expires_at, version)
        transaction.on_commit(lambda: _write_through(row_id, value, version), using=IDENTITY)
        self._stored_user = user_id

    def _move(self, user_id: str, data: dict[str, Any]) -> None:
        _check(data)
        expires_at = self._expires_at()
        old_id, key = self._id, self._get_new_session_key()
        old_key, new_id = SESSIONS.key(old_id), stored_id(key)
        lease = _cache.lease(new_id)  # before the row, as for a new session
        moved = session_rows.move(old_id, new_id, user_id, self.context, data, expires_at, old_key)
        if moved is None:
            raise SessionInterrupted("The session was ended while the request was under way.")
        version, note = moved
        if lease is not None:
            value = _loaded(data, user_id, expires_at, version)
            transaction.on_commit(lambda: _cache.fill(lease, value), using=IDENTITY)
        transaction.on_commit(lambda: self._drop(old_key, note), using=IDENTITY)
        self._session_key = key
        self._stored_user = user_id
        self.modified = True


def _loaded(data: dict[str, Any], user_id: str | None, expires_at: datetime, version: int) -> Loaded:
    value = {**data, "userId": user_id, "expiresAt": expires_at.isoformat(), "version": version}
    return Loaded(value, expires_at)


def _is_whole(value: Any) -> bool:
    """Whether a cached value is what ``_loaded`` makes."""
    if not isinstance(value, dict) or not isinstance(value.get("version"), int):
        return False
    if not isinstance(value.get("userId", 0), str | None):
        return False
    try:
        return timezone.is_aware(datetime.fromisoformat(value["expiresAt"]))
    except (KeyError, TypeError, ValueError):
        return False


def _check(data: dict[str, Any]) -> None:
    """Refuse what one of the two stores could not keep, before either is asked."""
    taken = [name for name in RESERVED if name in data]
    if taken:
        raise ValueError(f"A session cannot hold '{taken[0]}': the cached value needs this name for itself.")
    if _NUL.search(encode(data)):
        raise ValueError("A session cannot hold the character NUL (U+0000): jsonb has no place for it.")


def _is_past(moment: str) -> bool:
    return datetime.fromisoformat(moment) <= timezone.now()


def _save_anonymous(key: CacheKey, value: Loaded, *, create: bool) -> None:
    """Keep an anonymous session in Redis, the only place it has; an outage of Redis loses it.

    Raises:
        CreateError, UpdateError: there is one already, or none any more.
    """
    assert value.expires_at is not None
    life = min(SESSIONS.ttl * 1000, int((value.expires_at - timezone.now()).total_seconds() * 1000))
    try:
        if life <= 0:
            unlink([key])
            return
        held = ask(lambda redis: redis.set(key, encode(value.value), px=life, nx=create, xx=not create, get=True))
        live = isinstance(held, bytes) and held.startswith(b"{")
        if not create and held is not None and not live:
            unlink([key])  # a reader of what is gone had left its lease there
    except RedisError as error:
        logger.warning("An anonymous session was not kept (%s)", type(error).__name__)
        return
    if create and held is not None:
        raise CreateError
    if not create and not live:
        raise UpdateError


def _is_cached(key: CacheKey) -> bool:
    """Whether Redis has a live session under the key; an anonymous one exists nowhere else."""
    try:
        value = decode(ask(lambda redis: redis.get(key)) or b"null")
    except (RedisError, ValueError):  # ValueError: a lease or damage
        return False
    return _is_whole(value) and not _is_past(value["expiresAt"])


def _write_through(row_id: str, value: Loaded, version: int) -> None:
    if not _cache.write_through(row_id, value, version):
        session_rows.note_pending(SESSIONS.key(row_id))
