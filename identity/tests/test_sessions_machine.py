"""Sessions against a model of a few lines: whatever people, operators and Redis do, in whichever order.

Real processes of the three contexts, the real PostgreSQL and Valkey; hypothesis chooses what happens. It chooses the
same each time; ``SESSIONS_MACHINE=5000`` tries that many others, chosen anew.
"""

import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from identity.session_values import stored_id
from identity.tests.factories import UserFactory
from identity.tests.session_pieces import ENDED

CONTEXTS = {"web1": "web", "web2": "web", "admin": "admin", "telegram": "telegram"}
ACTORS = st.sampled_from(list(CONTEXTS))
OF_WEB_OR_ADMIN = st.sampled_from(["web1", "web2", "admin"])  # the telegram login changes nobody
NUMBERS = st.integers(min_value=0, max_value=1000)  # which session or person is meant, modulo how many there are

there_are_sessions = precondition(lambda machine: machine.model.sessions)
somebody_holds_one = precondition(lambda machine: machine.model.held)
somebody_holds_an_anonymous_one = precondition(lambda machine: machine.model.holders(anonymous=True))
somebody_holds_a_persons = precondition(lambda machine: machine.model.holders(anonymous=False))

EXAMPLES = int(os.environ.get("SESSIONS_MACHINE", "0"))
SETTINGS = settings(
    max_examples=EXAMPLES or 25,
    stateful_step_count=40,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,),  # to shrink a failure takes minutes
)


@dataclass
class Session:
    """What a session is. ``said`` are its values of ``n``, the present one last; ``by`` has changed it last."""

    key: str
    context: str
    user: str | None  # None: an anonymous one
    said: list[int]
    by: str
    lives: bool = True
    tied: bool = True  # to the present password

    @property
    def cached(self) -> str:
        return f"identity:session:{self.context}:{stored_id(self.key)}"


@dataclass
class Held:
    """What a request of an actor has loaded, and now may change or end."""

    session: Session
    n: int


@dataclass
class Model:
    sessions: list[Session] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    changers: dict[str, str] = field(default_factory=dict)  # of each person's password: the last actor
    losses: bool = False  # Redis has failed, so an anonymous session may be lost, or not follow a save

    def holders(self, *, anonymous: bool) -> list[str]:
        return sorted(actor for actor, held in self.held.items() if (held.session.user is None) == anonymous)


class SessionsMachine(RuleBasedStateMachine):
    stage = None  # these three the test sets
    world = None
    people: list[str] = []

    def __init__(self):
        super().__init__()
        self.model = Model()
        self.number = 0
        self.identity = self.world.superuser("identity")
        self.redis = self.world.redis()

    @initialize()
    def empty(self):
        self.identity.execute("DELETE FROM sessions; DELETE FROM cache_invalidations")
        self.redis.flushdb()
        for name in CONTEXTS:
            self.stage[name].wire.heal()
            self.stage[name].call("bent", None)
            self.stage[name].call("prepare", None, None)

    # --- people come

    @rule(actor=ACTORS, who=NUMBERS)
    def log_in(self, actor, who):
        user, n = self._meet(actor, who), self._next()
        self._made(self.stage[actor].call("login_with", n), actor, user, [n])

    @rule(actor=ACTORS)
    def visit(self, actor):
        n = self._next()
        self._made(self.stage[actor].call("anonymous", n), actor, None, [n])

    # --- a request begins, and does something to its session

    @there_are_sessions
    @rule(which=NUMBERS, who=NUMBERS)
    def hold(self, which, who):
        session = self.model.sessions[which % len(self.model.sessions)]
        able = [name for name, context in CONTEXTS.items() if context == session.context]
        actor = able[who % len(able)]
        notes = self._notes()
        n = self.stage[actor].call("hold", session.key)
        self._check(session, actor, n, notes)
        self.model.held.pop(actor, None)
        if n is not None and session.lives:
            self.model.held[actor] = Held(session, n)

    @somebody_holds_one
    @rule(who=NUMBERS)
    def save(self, who):
        actor = sorted(self.model.held)[who % len(self.model.held)]
        held, n = self.model.held[actor], self._next()
        said = self.stage[actor].call("save", n)
        session, held.n = held.session, n  # it has changed what it holds, whatever became of that
        if self._may_differ(session):
            if said != ENDED:
                session.said.append(n)
            return
        assert said == (None if session.lives else ENDED)
        if session.lives:
            session.said.append(n)
            session.by = actor

    @somebody_holds_one
    @rule(who=NUMBERS)
    def touch(self, who):
        actor = sorted(self.model.held)[who % len(self.model.held)]
        held = self.model.held[actor]
        assert self.stage[actor].call("touch") == (held.session.lives and held.session.user is not None)
        if held.session.user is not None and held.session.lives:
            held.session.by = actor

    @somebody_holds_one
    @rule(who=NUMBERS)
    def cycle(self, who):
        actor = sorted(self.model.held)[who % len(self.model.held)]
        held = self.model.held[actor]
        session = held.session
        new = self.stage[actor].call("cycle")
        if session.user is not None and not session.lives:
            assert new == ENDED
            return
        assert new not in {ENDED, session.key}
        moved = self._made(new, actor, session.user, [held.n])
        moved.tied = session.tied
        self._end(session, actor)
        self.model.held[actor] = Held(moved, held.n)

    @somebody_holds_an_anonymous_one
    @rule(which=NUMBERS, who=NUMBERS)
    def log_in_where_one_is(self, which, who):
        able = self.model.holders(anonymous=True)
        actor = able[which % len(able)]
        held = self.model.held[actor]
        user = self._meet(actor, who)
        new = self.stage[actor].call("log_in_here")
        self._end(held.session, actor)
        self.model.held[actor] = Held(self._made(new, actor, user, [held.n]), held.n)

    @somebody_holds_one
    @rule(who=NUMBERS)
    def log_out(self, who):
        actor = sorted(self.model.held)[who % len(self.model.held)]
        held = self.model.held[actor]
        self.stage[actor].call("delete")
        self._end(held.session, actor)
        del self.model.held[actor]

    @somebody_holds_a_persons
    @rule(who=NUMBERS)
    def let_expire(self, who):
        able = self.model.holders(anonymous=False)
        actor = able[who % len(able)]
        held = self.model.held[actor]
        assert self.stage[actor].call("expire") == (None if held.session.lives else ENDED)
        self._end(held.session, actor)
        del self.model.held[actor]

    @there_are_sessions
    @rule(which=NUMBERS, who=NUMBERS)
    def ask_who_it_is(self, which, who):
        session = self.model.sessions[which % len(self.model.sessions)]
        able = [name for name, context in CONTEXTS.items() if context == session.context]
        actor = able[who % len(able)]
        notes = self._notes()
        found = self.stage[actor].call("authenticate", session.key)
        unsure = self._unsure(session, actor, notes)
        about_user = f"identity:user:{session.context}:{session.user}" in notes
        if about_user and self.model.changers.get(session.user or "") != actor:
            unsure = True
        good = session.lives and session.tied and session.user is not None
        if not unsure:
            assert found == (session.user if good else None)
        if found is None and session.lives and session.user is not None:
            self._end(session, actor)  # Django flushes a session that fails its hash

    # --- ends that reach further

    @rule(actor=OF_WEB_OR_ADMIN, who=NUMBERS)
    def change_password(self, actor, who):
        user = self._meet(actor, who)
        self.stage[actor].call("password", f"password {self._next()}")
        self.model.changers[user] = actor
        for session in self.model.sessions:
            if session.user == user:
                session.tied = False

    @rule(who=NUMBERS)
    def operator_revokes(self, who):
        user = self._meet("admin", who)
        self.stage["admin"].call("revoke")
        self._end_all("admin", user, set(CONTEXTS.values()))

    @rule(actor=ACTORS, who=NUMBERS)
    def end_own_sessions(self, actor, who):
        user = self._meet(actor, who)
        self.stage[actor].call("end_own")
        self._end_all(actor, user, {CONTEXTS[actor]})

    # --- Redis

    @rule(actor=ACTORS)
    def lose_redis(self, actor):
        self.stage[actor].wire.cut()
        self.model.losses = True

    @rule()
    def redis_goes_away(self):
        for name in CONTEXTS:
            self.stage[name].wire.cut()
        self.model.losses = True

    @rule()
    def redis_comes_back_as_it_was(self):
        for name in CONTEXTS:
            self.stage[name].wire.heal()

    @rule()
    def redis_is_restarted_empty(self):
        for name in CONTEXTS:
            self.stage[name].wire.cut()
            self.stage[name].wire.heal()
        self.redis.flushdb()
        self.redis.script_flush()
        self.model.losses = True

    @rule(actor=ACTORS)
    def a_minute_passes(self, actor):
        self.stage[actor].call("replay")

    # --- what always holds

    @invariant()
    def every_process_reads_what_is_so(self):
        keys = [session.key for session in self.model.sessions]
        for name in CONTEXTS:
            before = self._notes()
            found = self.stage[name].call("read", *keys)
            for session, (exists, n) in zip(self.model.sessions, found, strict=True):
                self._check(session, name, n, before)
                assert n is None or exists

    # --- inside

    def _check(self, session, actor, n, notes):
        if session.context != CONTEXTS[actor]:
            allowed = {None}
        elif self._unsure(session, actor, notes):
            allowed = {None, *session.said} if not session.lives or session.user is None else set(session.said)
        elif not session.lives:
            allowed = {None}
        elif self._may_differ(session):
            allowed = {None, *session.said}
        else:
            allowed = {session.said[-1]}
        assert n in allowed, f"{actor} reads {n} of {session}; allowed is {allowed}"

    def _unsure(self, session, actor, notes):
        """Whether the change has not reached Redis yet, so that who did not make it may read what was before."""
        return session.cached in notes and session.by != actor

    def _may_differ(self, session):
        return session.user is None and session.lives and self.model.losses

    def _notes(self):
        return {key for (key,) in self.identity.execute("SELECT key FROM cache_invalidations").fetchall()}

    def _next(self):
        self.number += 1
        return self.number

    def _meet(self, actor, who):
        user = self.people[who % len(self.people)]
        self.stage[actor].call("meet", user)
        return user

    def _made(self, key, actor, user, said):
        session = Session(key, CONTEXTS[actor], user, said, actor)
        self.model.sessions.append(session)
        return session

    def _end(self, session, actor):
        if session.lives:
            session.lives, session.by = False, actor

    def _end_all(self, actor, user, contexts):
        for session in self.model.sessions:
            if session.user == user and session.context in contexts:
                self._end(session, actor)


def test_whatever_happens_sessions_are_what_they_should_be(stage, world):
    class Machine(SessionsMachine):
        pass

    Machine.stage, Machine.world = stage, world
    Machine.people = [str(UserFactory().pk) for _ in range(2)]
    run_state_machine_as_test(Machine, settings=SETTINGS)
