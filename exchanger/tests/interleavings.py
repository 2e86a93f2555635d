"""Every order in which several pieces of code can take their steps, on the real code, deterministically.

Each piece runs in a greenlet and calls ``pause`` before every step that others can see; the explorer decides who goes
on. What comes before the first pause nobody can see, so no order is tried of it. A schedule is the list of those
decisions, so a failing one can be run again. A crash is a piece that never gets its next turn.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from greenlet import getcurrent, greenlet


@dataclass
class Run:
    """One schedule that was run: who took each step, and which piece crashed before its step, if any."""

    schedule: list[int] = field(default_factory=list)
    crashed: tuple[int, int] | None = None


def pause() -> None:
    """Let the explorer choose who goes on; outside an exploration, nothing."""
    parent = getcurrent().parent
    if parent is not None:
        parent.switch()


def explore(
    start: Callable[[], list[Callable[[], None]]], *, crashing: int | None = None, crash_before: int = 0
) -> Iterator[Run]:
    """Run every schedule, and yield after each so that the caller can look at what it led to.

    ``start`` resets the world and returns the pieces. Piece ``crashing`` dies before its step ``crash_before``.
    """
    pending: list[list[int]] = [[]]
    while pending:
        prefix = pending.pop()
        run, alternatives = _run(start(), prefix, crashing, crash_before)
        pending.extend(alternatives)
        yield run


def steps(start: Callable[[], list[Callable[[], None]]], piece: int) -> int:
    """How many steps a piece takes when it runs alone first."""
    task = _begun(start()[piece])
    count = 0
    while not task.dead:
        task.switch()
        count += 1
    return count


def _begun(piece: Callable[[], None]) -> greenlet:
    task = greenlet(piece)
    task.switch()
    return task


def _run(
    pieces: list[Callable[[], None]], prefix: list[int], crashing: int | None, crash_before: int
) -> tuple[Run, list[list[int]]]:
    tasks = [_begun(piece) for piece in pieces]
    taken = [0] * len(tasks)
    run = Run(crashed=None if crashing is None else (crashing, crash_before))
    alternatives = []
    while ready := [
        index
        for index, task in enumerate(tasks)
        if not task.dead and not (index == crashing and taken[index] >= crash_before)
    ]:
        position = len(run.schedule)
        if position < len(prefix):
            chosen = prefix[position]
        else:
            chosen = ready[0]
            alternatives += [[*run.schedule, other] for other in ready[1:]]
        run.schedule.append(chosen)
        taken[chosen] += 1
        tasks[chosen].switch()
    return run, alternatives
