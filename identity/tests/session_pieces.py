"""What an actor can be told to do with sessions, by name; each runs the engine's own code in the actor's process.

``held`` is what a request has loaded before anything begins: the session that it will save, end or cycle.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user, login
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from redis.exceptions import RedisError

from exchanger.kernel.cache.access import circuit
from exchanger.kernel.cache.invalidation import replay_all
from exchanger.kernel.contexts import Context, current
from identity.cache import UserCache
from identity.models import User
from identity.services.sessions import session_open, user_sessions_end, user_sessions_revoke
from identity.services.users import user_set_password
from identity.sessions import SessionStore
from identity.tests.session_bends import BENDS, Bend

ENDED = "ended"  # what a piece says when the session that it wanted to change is gone


class Pieces:
    """The state of one actor between two pieces."""

    def __init__(self) -> None:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nobody is to be kept out
        self.bend: Bend | None = None
        self.held = SessionStore()
        self.user: User | None = None

    # --- before

    def prepare(self, key: str | None, user_id: str | None) -> None:
        """Forget earlier outages, and load the session and the person as a request does."""
        circuit.reset()
        self.held = SessionStore(key)
        self.held.get("n")
        if user_id is not None:
            self.meet(user_id)

    def meet(self, user_id: str) -> None:
        """Have a person to log in, or to change the password of."""
        readable = User.objects.defer("password") if current() is Context.TELEGRAM else User.objects.all()
        self.user = readable.get(pk=user_id)

    def hold(self, key: str) -> Any:
        """Load a session to change it later; its ``n``, None when there is no session."""
        self.held = SessionStore(key)
        return self.held.get("n")

    def bent(self, name: str | None) -> None:
        """Bend the engine as a fault would (see BENDS), or make it whole again."""
        if self.bend is not None:
            self.bend.undo()
        self.bend = None if name is None else BENDS[name]()

    # --- what is tried

    def load(self, key: str) -> Any:
        """The session's ``n``, as a new request reads it; None when there is no session."""
        return SessionStore(key).get("n")

    def read(self, *keys: str) -> list[tuple[bool, Any]]:
        """Of each key whether there is such a session, and its ``n``."""
        return [(SessionStore().exists(key), self.load(key)) for key in keys]

    def save(self, n: int) -> str | None:
        self.held["n"] = n
        return self._unless_ended(self.held.save)

    def touch(self) -> bool:
        """Lengthen the session's life, as a request does that only reads."""
        settings.SESSION_TOUCH_SECONDS = -settings.SESSION_ABSOLUTE_AGE  # it is always due
        self.held.modified = False
        return self.held.touch()

    def delete(self) -> bool:
        """Whether the end was confirmed."""
        self.held.flush()
        return not self.held.end_unconfirmed

    def cycle(self) -> str | None:
        """The session's new key."""
        return self._unless_ended(self.held.cycle_key) or self.held.session_key

    def login(self) -> str | None:
        """The key of a new session."""
        return session_open(user=self._person).session_key

    def login_with(self, n: int) -> str | None:
        """The key of a new session that says ``n``."""
        session = session_open(user=self._person)
        session["n"] = n
        session.save()
        return session.session_key

    def log_in_here(self) -> str | None:
        """Log in to the session that is held, as Django's view does; its new key."""
        request = self._request(self.held)
        login(request, self._person)
        self.held.save()
        return self.held.session_key

    def anonymous(self, n: int) -> str | None:
        store = SessionStore()
        store["n"] = n
        store.create()
        return store.session_key

    def expire(self) -> str | None:
        """End the session by its date: it is past with this save."""
        self.held.set_expiry(-1)
        return self._unless_ended(self.held.save)

    def password(self, password: str) -> None:
        user_set_password(user=self._person, password=password)

    def revoke(self) -> dict[str, int]:
        return user_sessions_revoke(user_id=self._person.pk)

    def end_own(self) -> int:
        """End the person's sessions in this context; how many there were."""
        return user_sessions_end(user_id=self._person.pk)

    def replay(self) -> None:
        """What a worker does each minute, and what becomes of it when Redis fails."""
        with suppress(RedisError):
            replay_all()

    # --- what is asked afterwards

    def circuit_is_open(self) -> bool:
        return circuit.is_open

    def authenticate(self, key: str) -> str | None:
        """Who a request with this session is; reading only the session and the person."""
        user = get_user(self._request(SessionStore(key)))
        return str(user.pk) if user.is_authenticated else None

    def believed_hash(self, user_id: str) -> str | None:
        """The session hash by which this process tells whether a session was opened with the present password."""
        data = UserCache(current()).get_user_data(user_id)
        return None if data is None else data["sessionAuthHash"]

    # --- inside

    @property
    def _person(self) -> User:
        assert self.user is not None
        return self.user

    @staticmethod
    def _unless_ended(change: Callable[[], None]) -> str | None:
        try:
            change()
        except (UpdateError, SessionInterrupted):
            return ENDED
        return None

    @staticmethod
    def _request(session: SessionStore) -> HttpRequest:
        request = HttpRequest()
        request.session = session
        return request


PIECES: dict[str, Callable[..., Any]] = {
    name: piece for name, piece in vars(Pieces).items() if not name.startswith("_") and callable(piece)
}
