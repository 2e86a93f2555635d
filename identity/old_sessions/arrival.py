"""Somebody comes with a cookie of the older platform: their session goes on here, under a key of ours.

The old cookie is good once. What it opened is found again for a minute, under the same new key, so that two tabs which
send it side by side both go on; after that it is worth nothing, here or in the old place, whatever became of the
session.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone

from exchanger.kernel.cache.codec import encode
from exchanger.kernel.contexts import Context, current
from exchanger.kernel.metrics.process import OLD_SESSIONS
from exchanger.kernel.old_sessions import CookieKind
from exchanger.kernel.origin import Origin
from identity.cache import UserCache
from identity.models import OldSession as OldSessionNote
from identity.models import User
from identity.old_sessions import rows
from identity.old_sessions.giving import OLD, given_of
from identity.old_sessions.keys import OldKey, find_old_key
from identity.old_sessions.passwords import is_of_password
from identity.old_sessions.rows import Taken
from identity.old_sessions.values import OldSession, Unreadable, read_value
from identity.old_sessions.window import OutOfReach, old_redis
from identity.session_values import stored_id


class Arrived(StrEnum):
    """What became of an old cookie."""

    OPENED = "opened"  # its session goes on
    DEAD = "dead"  # it has been shown before, or its session has ended
    UNKNOWN = "unknown"  # there is no such session, or it is nobody's
    OUT_OF_REACH = "out_of_reach"  # the old Redis could not be asked


@dataclass(slots=True)
class Arrival:
    """A request with an old cookie and none of ours. ``outcome`` is None until somebody asks for its session."""

    old: OldKey
    origin: Origin
    outcome: Arrived | None = None

    @property
    def new_key(self) -> str:
        return self.old.new_key

    def open(self) -> bool:
        """Whether there is a session now under ``new_key``; asks once.

        Raises:
            django.db.OperationalError: PostgreSQL is out of reach; nothing has changed.
        """
        if self.outcome is None:
            self.outcome = self._open()
            OLD_SESSIONS.labels(self.outcome).inc()
        return self.outcome is Arrived.OPENED

    def _open(self) -> Arrived:
        context, new_id = current(), stored_id(self.new_key)
        moved = rows.find(self.old.moved_id, new_id, context)
        if moved is None:
            try:
                if not self._fetch(context):
                    return Arrived.UNKNOWN
            except OutOfReach:
                return Arrived.OUT_OF_REACH
            moved = rows.find(self.old.moved_id, new_id, context)
        if moved is None:  # it is another context's
            return Arrived.UNKNOWN
        if moved.waiting is not None and not self._fits(signed=moved.waiting.data.get(OLD, {}).get("signed", False)):
            return Arrived.UNKNOWN
        if moved.waiting is not None and self._go_on(moved.waiting, new_id, context):
            return Arrived.OPENED
        if moved.waiting is not None:  # another request may have been first, a moment ago
            moved = rows.find(self.old.moved_id, new_id, context) or moved
        return Arrived.OPENED if moved.just_opened else Arrived.DEAD

    def _fits(self, *, signed: bool) -> bool:
        """Whether the cookie proves enough: a key that was signed opens nothing without its signature."""
        return not signed or self.old.cookie.kind is CookieKind.EXPRESS

    def _go_on(self, waiting: rows.Waiting, new_id: str, context: Context) -> bool:
        """Open the session for the person as they are now, with the life that is left to it."""
        user = UserCache(context).get_user_data(waiting.user_id)
        expires_at = min(waiting.expires_at, waiting.created_at + timedelta(seconds=settings.SESSION_ABSOLUTE_AGE))
        if user is None or not waiting.unchanged or expires_at <= timezone.now():
            return False
        data = {
            SESSION_KEY: user["id"],
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user["sessionAuthHash"],
            OLD: {**waiting.data.get(OLD, {}), "openedAt": datetime.now(UTC)},
        }
        return rows.open_under(
            new_id, self.old.moved_id, context, encode(data), expires_at=expires_at, origin=self.origin
        )

    def _fetch(self, context: Context) -> bool:
        """Move the session from the old Redis; False where the window is closed or there is nothing to take.

        Raises:
            OutOfReach: the old Redis does not answer.
        """
        platform = settings.OLD_PLATFORM
        if not platform.redis_url:
            return False
        place = old_redis(platform.redis_url)
        found = place.find(self.old.place)
        if found is None:
            return False
        try:
            session = read_value(found.value)
            given = given_of(self.old.key, session, found.expires_at)
        except Unreadable:
            return False
        if not self._fits(signed=session.signed) or not _is_proved(session, context):
            return False
        try:
            taken = rows.take([given], context, OldSessionNote.VISIT, until=platform.until)[given.id]
        except IntegrityError:  # the person has been deleted meanwhile
            return False
        if taken is Taken.NEW and platform.removes:
            place.remove(self.old.place)
        return taken in (Taken.NEW, Taken.ALREADY)


def arrival_of(request: HttpRequest, origin: Origin) -> Arrival | None:
    """The arrival that a request is, if it brings one of this context's old cookies.

    A picture or a script that another site's page asks for is none: its answer's cookies are not kept by browsers, so
    the old cookie would be used up and the person logged out.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.headers.get("Sec-Fetch-Mode") != "navigate":
        return None
    old = find_old_key(request)
    return None if old is None else Arrival(old, origin)


def _is_proved(session: OldSession, context: Context) -> bool:
    """Whether a Django session was opened with the password of today, where this context's login may look it up."""
    if session.auth_hash is None:
        return True
    if context is Context.TELEGRAM:
        return False
    stored = User.objects.filter(pk=session.user_id).values_list("password", flat=True).first()
    return stored is not None and is_of_password(session.auth_hash, stored, settings.OLD_PLATFORM.secret_keys)
