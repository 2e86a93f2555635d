"""Real processes that take their steps one at a time, in every order that makes a difference, with faults in between.

A process stops before each SQL statement on identity and at each command to Redis; the explorer decides who goes on
and what befalls the step. No clock and no chance is in it: a schedule is the list of those decisions, and run again it
leads to the same end. ``interleavings`` does the same for pieces of code in one thread.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal

from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment
from exchanger.testing.servers import TestServers
from exchanger.tests.wire import Wire

PROCESS = "identity.tests.session_process"
_LOOK_FOR_LOCKS_MS = 5  # how long a process is silent before PostgreSQL is asked whether it waits for another
_PATIENCE = 4000  # such looks: who is silent that long hangs

Fault = Literal["refused", "lost", "broken", "late", "killed"]
"""What can befall a step. A command to Redis is not carried out (refused), or is and its answer is lost: with the way
to the server until the next stop (lost), with the connection alone, so that it can be sent again (broken), or by
keeping the process waiting until it gives up (late). A process is killed before a step."""
ON_REDIS: tuple[Fault, ...] = ("refused", "lost", "broken")
LATE: tuple[Fault, ...] = ("late",)
KILLED: tuple[Fault, ...] = ("killed",)


@dataclass(frozen=True, slots=True)
class Step:
    """What a process is about to do, in words, and what it has to do with."""

    words: str
    touches: frozenset[str]

    @property
    def is_sql(self) -> bool:
        return "redis" not in self.touches


def _sql_step(words: str, in_transaction: bool) -> Step:
    """The notes of pending deletions are apart from the rest, unless a transaction commits both."""
    notes = "cache_invalidations" in words and "sessions" not in words
    if in_transaction and not (notes and words.startswith(("SELECT", "DELETE"))):
        return Step(words, frozenset({"rows", "notes"}))
    return Step(words, frozenset({"notes" if notes else "rows"}))


_REDIS = frozenset({"redis"})


class Actor:
    """A process of a context, which does what it is told and stops where others could come in between.

    ``step`` is where it stands: None when it has nothing to do, or waits for a lock that another actor holds.
    """

    def __init__(self, name: str, link: Connection, wire: Wire, servers: TestServers) -> None:
        self.name = name
        self.wire = wire
        self.step: Step | None = None
        self.busy = False
        self.waits = False
        self.result: Any = None
        self._alone = False  # nobody else goes on meanwhile, so a lock that it waits for is let go of by itself
        self._link = link
        self._servers = servers
        self._greet()

    def call(self, piece: str, *args: Any) -> Any:
        """Do a piece without a stop, and return what it returns; steps pass unless the wire is cut."""
        self.begin(piece, *args, stops=False)
        while self.busy:
            self.go()
        return self.result

    def begin(self, piece: str, *args: Any, stops: bool = True) -> None:
        """Set out, as far as the first stop."""
        assert not self.busy, f"{self.name} has something to do"
        self._link.send((piece, args, stops))
        self.busy, self.result, self._alone = True, None, not stops
        self.settle()

    def go(self, fault: Fault | None = None) -> None:
        """Take the step that the process stands before, or have it fail; then on to the next stop."""
        step = self.step
        assert step is not None, f"{self.name} stands before no step"
        self.step = None
        if fault == "killed":
            self._kill()
            return
        if step.is_sql:
            self._link.send("go")
        else:
            self._let_through(fault)
        self.settle()
        if fault in {"refused", "lost"}:
            self.wire.heal()

    def _let_through(self, fault: Fault | None) -> None:
        match fault:
            case "refused":
                self.wire.refuse()
            case "lost" | "broken":
                self.wire.lose_answer(goes_away=fault == "lost")
            case "late":
                self.wire.keep_answer()
            case _:
                self.wire.let_pass()

    def cut(self) -> None:
        """Take Redis away; a command that was under way has failed."""
        self.wire.cut()
        if self.step is not None and not self.step.is_sql:
            self.step = None
            self.settle()

    def settle(self) -> None:
        """Wait until the process stands at its next stop, is done, or waits for another's lock."""
        for _ in range(_PATIENCE):
            ready, _, _ = select.select([self._link, *self.wire.sockets()], [], [], _LOOK_FOR_LOCKS_MS / 1000)
            for source in ready:
                if source is self._link:
                    self._hear()
                elif source in self.wire.sockets() and (words := self.wire.receive(source)):
                    self.step = Step(words, _REDIS)
            if self.step is not None or not self.busy:
                self.waits = False
                return
            if not ready and not self._alone and self._is_blocked():
                self.waits = True
                return
        raise AssertionError(f"{self.name} hangs")

    def _hear(self) -> None:
        kind, said = self._link.recv()
        if kind == "at":
            self.step = _sql_step(*said)
        elif kind == "done":
            self.busy, self.result = False, said
        else:
            raise AssertionError(f"{self.name} failed:\n{said}")

    def _is_blocked(self) -> bool:
        """Whether another actor holds a lock that it needs; autovacuum lets go of its own by itself."""
        asked = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE pid = ANY(pg_blocking_pids(%s)) AND backend_type = 'client backend')"
        )
        return bool(self._servers.superuser("identity").execute(asked, (self._backend,)).fetchone()[0])

    def _kill(self) -> None:
        """kill -9, and another process in its place, once PostgreSQL has seen the end of its connection."""
        backend = self._backend
        os.kill(self._pid, signal.SIGKILL)
        self.busy = False
        self._greet()
        while self._is_connected(backend):
            pass
        self.wire.cut()
        self.wire.heal()

    def _greet(self) -> None:
        self._pid, self._backend = self._link.recv()

    @property
    def is_free(self) -> bool:
        """Whether it can be told to do something: no test has left it in the middle of something, or cut it off."""
        return not self.busy and self._is_connected(self._backend)

    def _is_connected(self, backend: int) -> bool:
        asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
        return bool(self._servers.superuser("identity").execute(asked, (backend,)).fetchone()[0])

    def close(self) -> None:
        self._link.close()
        self.wire.cut()


class Stage:
    """The actors by name, each made when it is first asked for."""

    def __init__(self, servers: TestServers) -> None:
        self.servers = servers
        self._actors: dict[str, Actor] = {}
        self._parents: list[subprocess.Popen] = []

    def __getitem__(self, name: str) -> Actor:
        if name in self._actors and not self._actors[name].is_free:
            self._actors.pop(name).close()
        if name not in self._actors:
            self._actors[name] = self._made(name)
        return self._actors[name]

    def _made(self, name: str) -> Actor:
        """``name`` is a context's, with a number where there are several of one; who is ``hasty`` waits for nobody."""
        words, _, hasty = name.partition("-")
        context = Context(words.rstrip("0123456789"))
        path = self.servers.paths.sockets / f"{name}.sock"
        wire = Wire(path, self.servers.valkey.socket)
        ours, theirs = Pipe()
        environment = process_environment(context, self.servers.environments)
        environment["REDIS_URL"] = environment["REDIS_URL"].replace(self.servers.valkey.socket.name, path.name)
        environment["REDIS_TIMEOUT"] = "0.5" if hasty else "60"  # seconds: a step is held as long as the test likes
        environment["REDIS_PROBE_SECONDS"] = "0"
        environment["LOG_LEVEL"] = "ERROR"  # it is expected to warn, hundreds of times
        environment["DJANGO_SETTINGS_MODULE"] = os.environ["DJANGO_SETTINGS_MODULE"]
        arguments = [sys.executable, "-m", PROCESS, str(theirs.fileno())]
        self._parents.append(subprocess.Popen(arguments, cwd=CHECKOUT, env=environment, pass_fds=[theirs.fileno()]))
        theirs.close()
        return Actor(name, ours, wire, self.servers)

    def close(self) -> None:
        for actor in self._actors.values():
            actor.close()
        for parent in self._parents:
            parent.wait(timeout=60)


@dataclass
class Run:
    """One schedule that was run, and how it went."""

    choices: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    fault: bool = False

    def place(self, words: str) -> int:
        """The place in the story of the first entry with these words; -1 if there is none."""
        return next((place for place, entry in enumerate(self.story) if words in entry), -1)

    def __str__(self) -> str:
        return f"{' '.join(self.choices)}\n  " + "\n  ".join(self.story)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to Redis once, at any moment of a schedule."""

    name: str
    happens: Callable[[], None]


def explore(
    start: Callable[[], Sequence[Actor]],
    *,
    faults: Sequence[Fault] = (),
    victim: str | None = None,
    event: Event | None = None,
) -> Iterator[Run]:
    """Run every schedule that can end differently, and yield after each so that the caller can look at its end.

    ``start`` makes the world and returns the actors, each at its first stop. At most one of ``faults`` befalls a
    schedule, at each step of ``victim`` (None: of everybody) that it can befall; ``event`` happens in each, at every
    moment.

    Two steps that touch nothing in common, as one in PostgreSQL and one in Redis, can change places without anybody
    noticing, so only one of their two orders is run.
    """
    pending: list[list[str]] = [[]]
    while pending:
        prefix = pending.pop()
        run, alternatives = _run(list(start()), prefix, _Troubles(faults, victim, event))
        pending.extend(alternatives)
        if run is not None:
            yield run


@dataclass(frozen=True, slots=True)
class Option:
    """A choice in words, the place of its actor (the event's is behind the last), its step, and where all stood."""

    words: str
    place: int
    step: Step | None
    standing: Sequence[Step | None]


@dataclass(frozen=True, slots=True)
class _Troubles:
    faults: Sequence[Fault]
    victim: str | None
    event: Event | None

    def of(self, actor: Actor, run: Run) -> Sequence[Fault]:
        return () if run.fault or self.victim not in {None, actor.name} else self.faults


def _run(actors: list[Actor], prefix: list[str], troubles: _Troubles) -> tuple[Run | None, list[list[str]]]:
    """Run the schedule that begins with ``prefix``; None for one that comes to the same as another."""
    run, alternatives, last = Run(), [], None
    while options := _options(actors, run, troubles, last):
        if len(run.choices) < len(prefix):
            wanted = prefix[len(run.choices)]
            chosen = next((option for option in options if option.words == wanted), None)
            assert chosen is not None, f"not the same as before: no {wanted} after {run}"
        else:
            chosen = options[0]
            alternatives += [[*run.choices, option.words] for option in options[1:]]
        _take(chosen, actors, run, troubles.event)
        last = None if chosen.words.endswith(":killed") else chosen
    redundant = False
    while standing := _standing(actors):
        redundant = True
        standing[0].go()
    assert not any(actor.busy for actor in actors), f"a deadlock after {run}"
    return None if redundant else run, alternatives


def _standing(actors: list[Actor]) -> list[Actor]:
    """Who can go on, now that those who waited for a lock may have got it."""
    for actor in actors:
        if actor.waits:
            actor.settle()
    return [actor for actor in actors if actor.step is not None]


def _options(actors: list[Actor], run: Run, troubles: _Troubles, last: Option | None) -> list[Option]:
    """What may come next. Of two orders that come to the same, only that in which the earlier actor goes first."""
    able = _standing(actors)
    standing = [actor.step for actor in actors]
    options = []
    for actor in able:
        place, step = actors.index(actor), actor.step
        assert step is not None
        swapped = last is not None and place < last.place and step is last.standing[place] and _apart(step, last.step)
        if not swapped:
            options.append(Option(actor.name, place, step, standing))
        for fault in troubles.of(actor, run):
            # Who dies does so after its last step: when the others do what they do makes no difference to it.
            dies = fault == "killed" and last is not None and last.place == place
            if dies or (fault != "killed" and not step.is_sql and not swapped):
                options.append(Option(f"{actor.name}:{fault}", place, step, standing))
    event = troubles.event
    if event is not None and event.name not in run.choices and any(actor.busy for actor in actors):
        options.append(Option(event.name, len(actors), None, standing))
    return options


def _apart(one: Step, other: Step | None) -> bool:
    """Whether the two (None is an event, which is Redis') touch nothing in common."""
    return not one.touches & (_REDIS if other is None else other.touches)


def _take(chosen: Option, actors: list[Actor], run: Run, event: Event | None) -> None:
    run.choices.append(chosen.words)
    if chosen.step is None:
        assert event is not None
        run.story.append(chosen.words)
        event.happens()
        return
    _, _, fault = chosen.words.partition(":")
    run.story.append(f"{chosen.words}: {chosen.step.words}")
    run.fault = run.fault or bool(fault)
    actors[chosen.place].go(fault or None)  # type: ignore[arg-type]
