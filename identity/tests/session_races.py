"""A session, the processes that race over it, and what must hold whatever the order and whatever failed.

The truth is PostgreSQL's: a session without a row is read by no process, warm or cold, and one with a row is read as
the row has it. What a process may still read after a crash is only an older value of a session that lives.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from exchanger.testing.servers import TestServers
from exchanger.tests.lockstep import Actor, Event, Fault, Run, Stage, explore
from identity.session_values import stored_id
from identity.tests.factories import UserFactory

WEB = ("web1", "web2", "web3")
ADMIN = ("admin", "admin2")


class Race:
    """Pieces (see ``session_pieces``) that run at once, each in a process of its own: an operator's in an admin one."""

    def __init__(
        self, stage: Stage, world: TestServers, pieces: Sequence[str], *, bend: str | None = None, hasty: bool = False
    ) -> None:
        """``bend`` is a fault in the engine (see ``session_bends``); who is ``hasty`` gives up on a late answer."""
        web, admin, suffix = iter(WEB), iter(ADMIN), "-hasty" if hasty else ""
        self.world = world
        self.pieces = pieces
        self.actors = [stage[next(admin if piece == "revoke" else web) + suffix] for piece in pieces]
        self.web = [stage[name] for name in WEB[: max(2, sum(piece != "revoke" for piece in pieces))]]
        self.everyone = list(dict.fromkeys([*self.web, *self.actors]))
        self.identity = world.superuser("identity")
        self.redis = world.redis()
        self._scripts_unknown = True  # the first use of a script is a step more: a run must not depend on earlier ones
        self.user_id = str(UserFactory().pk)
        for actor in self.everyone:
            actor.wire.heal()
            actor.call("bent", bend)
        self.web[0].call("prepare", None, self.user_id)
        self.key = self.web[0].call("login")
        self.web[0].call("prepare", self.key, self.user_id)
        self.web[0].call("save", 0)
        self.arguments = {"load": (self.key,), "authenticate": (self.key,), "password": ("another",)}
        self._row, self._user = self.identity.execute(
            "SELECT to_jsonb(s)::text, to_jsonb(u)::text FROM sessions s JOIN users u ON u.id = s.user_id"
        ).fetchone()

    def runs(
        self, *, warm: bool, faults: Sequence[Fault] = (), victim: str | None = None, event: str | None = None
    ) -> Iterator[Run]:
        """Every run from a warm or a cold cache. ``event`` is "down" (for good) or "emptied"."""
        happens = {"down": self._down, "emptied": self._emptied}
        happening = None if event is None else Event(event, happens[event])
        return explore(lambda: self._start(warm=warm), faults=faults, victim=victim, event=happening)

    def check(self, run: Run) -> None:
        """After every piece has ended and Redis is back, as it was or emptied."""
        killed = any(choice.endswith(":killed") for choice in run.choices)
        said = {actor.result for actor, piece in self._cast() if piece in {"cycle", "login"}}
        keys = [self.key, *(said - {None, "ended"})]
        for actor in self.everyone:
            actor.wire.heal()
        # Whoever has seen Redis fail is asked first: it must not need another's help, and helps the others.
        for actor in self.everyone:
            if actor.call("circuit_is_open"):
                actor.call("load", self.key)
        if killed:
            self.web[0].call("replay")  # what a worker does each minute: the dead cannot do it
        self._check_rows(run, killed=killed)
        for actor in self.web:
            self._check_reads(actor, keys, run, older_allowed=killed)
        if "password" in self.pieces:
            self._check_hashes(run)

    def found(self, runs: Iterator[Run]) -> bool:
        """Whether one of the runs breaks what must hold."""
        for run in runs:
            try:
                self.check(run)
            except AssertionError:
                return True
        return False

    # --- inside

    def _start(self, *, warm: bool) -> Sequence[Actor]:
        if self._scripts_unknown:
            self._restore(warm=True)
            self.web[0].call("load", self.key)
            self.web[0].call("save", 0)
            self._scripts_unknown = False
        self._restore(warm=warm)
        for number, (actor, piece) in enumerate(self._cast(), 1):
            actor.begin(piece, *((number,) if piece == "save" else self.arguments.get(piece, ())))
        return self.actors

    def _restore(self, *, warm: bool) -> None:
        self.identity.execute("DELETE FROM sessions; DELETE FROM cache_invalidations;")
        self.identity.execute(
            "INSERT INTO sessions SELECT * FROM jsonb_populate_record(NULL::sessions, %s::jsonb)", (self._row,)
        )
        if "password" in self.pieces:
            self.identity.execute(
                "UPDATE users SET password_hash = was.password_hash, password_changed_at = was.password_changed_at FROM"
                " jsonb_populate_record(NULL::users, %s::jsonb) was WHERE users.id = was.id",
                (self._user,),
            )
        self.redis.flushdb()
        self._prepare()
        if not warm:
            self.redis.flushdb()
        elif "password" in self.pieces:
            self.web[0].call("believed_hash", self.user_id)

    def _prepare(self) -> None:
        for actor in self.everyone:
            actor.wire.heal()
            actor.call("prepare", None if actor.name.startswith("admin") else self.key, self.user_id)

    def _down(self) -> None:
        """Nobody reaches Redis, until the check; it keeps what it has."""
        for actor in self.everyone:
            actor.cut()

    def _emptied(self) -> None:
        """Redis is restarted, and has lost everything."""
        for actor in self.everyone:
            actor.cut()
            actor.wire.heal()
        self.redis.flushdb()
        self.redis.script_flush()
        self._scripts_unknown = True

    def _cast(self) -> list[tuple[Actor, str]]:
        return list(zip(self.actors, self.pieces, strict=True))

    def _check_rows(self, run: Run, *, killed: bool) -> None:
        rows = self.identity.execute("SELECT count(*) FROM sessions WHERE user_id = %s", (self.user_id,)).fetchone()[0]
        story = f"{self.pieces} {run}"
        if "revoke" in self.pieces and "login" not in self.pieces and not killed:
            assert rows == 0, f"a session lives on after all were revoked: {story}"
        if set(self.pieces) == {"delete", "cycle"} and not killed:
            ended = run.place(f"{self._named('delete')}: WITH gone")
            moved = min(place for place, entry in enumerate(run.story) if self._writes_new_key(entry))
            assert rows == int(moved < ended), f"a session lives on under a new key after its end: {story}"

    def _named(self, piece: str) -> str:
        return self.actors[list(self.pieces).index(piece)].name

    def _writes_new_key(self, entry: str) -> bool:
        return entry.startswith(self._named("cycle")) and (
            "INSERT INTO sessions" in entry or "UPDATE sessions" in entry
        )

    def _check_reads(self, actor: Actor, keys: Sequence[str], run: Run, *, older_allowed: bool) -> None:
        for key, (exists, n) in zip(keys, actor.call("read", *keys), strict=True):
            row = self.identity.execute(
                "SELECT session_data->'n' FROM sessions WHERE id = %s AND expires_at > now()", (stored_id(key),)
            ).fetchone()
            story = f"{actor.name} reads {exists}, {n}, the row is {row}: {self.pieces} {run}"
            assert exists == (row is not None), story
            assert n in ({None} if row is None else {row[0], *((None, 0) if older_allowed else ())}), story

    def _check_hashes(self, run: Run) -> None:
        """What the processes believe of the password is what they find when they believe nothing."""
        believed = [actor.call("believed_hash", self.user_id) for actor in self.web]
        self.redis.flushdb()
        found = [actor.call("believed_hash", self.user_id) for actor in self.web]
        assert believed == found, f"an old password opens sessions: {self.pieces} {run}"


class AnonymousRace(Race):
    """The same over an anonymous session, which Redis alone has: an end that was said to be one is final."""

    def __init__(self, stage: Stage, world: TestServers, pieces: Sequence[str], **options: Any) -> None:
        super().__init__(stage, world, pieces, **options)
        self.key = self.web[0].call("anonymous", 0)
        self.arguments = {"load": (self.key,)}
        self._cached = f"identity:session:web:{stored_id(self.key)}"
        self._value = self.redis.get(self._cached)

    def check(self, run: Run) -> None:
        for actor in self.everyone:
            actor.wire.heal()
        for actor in sorted(self.everyone, key=lambda actor: not actor.call("circuit_is_open")):
            read = actor.call("read", self.key)
            assert read == [(False, None)], f"{actor.name} reads {read}: {self.pieces} {run}"

    def _restore(self, *, warm: bool) -> None:
        self.identity.execute("DELETE FROM sessions; DELETE FROM cache_invalidations")
        self.redis.flushdb()
        self.redis.set(self._cached, self._value, ex=3600)
        self._prepare()


class HealingRace(Race):
    """The same at the end of an outage in which the session ended: Redis still has it, and everybody has seen it fail.

    Nobody reads it from the first moment on; the note of its end must be carried out before Redis is believed.
    """

    def check(self, run: Run) -> None:
        for actor, piece in self._cast():
            assert piece != "load" or actor.result is None, f"{actor.name} has read {actor.result}: {run}"
        super().check(run)

    def _restore(self, *, warm: bool) -> None:
        super()._restore(warm=True)
        for actor in self.everyone:
            actor.wire.cut()
        self.web[0].call("delete")
        for actor in self.everyone:
            assert actor.call("load", self.key) is None
            assert actor.call("circuit_is_open")
            actor.wire.heal()


def all_runs(race: Race, *, starts: Sequence[bool] = (False, True), **troubles: Any) -> int:
    """Check every run, from a cold cache and a warm one; returns how many there were."""
    count = 0
    for warm in starts:
        for run in race.runs(warm=warm, **troubles):
            race.check(run)
            count += 1
    return count
