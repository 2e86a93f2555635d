"""How far the import has come: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Lock
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_EVERY = 10.0  # seconds between the lines of one step


class Shown(Protocol):
    """Where progress is told; called from several threads."""

    def begin(self, step: str, total: int, done: int) -> None:
        """A step of ``total`` rows begins, of which an interrupted run had done some."""

    def advance(self, step: str, rows: int) -> None: ...

    def end(self, step: str) -> None: ...


class Nowhere:
    """Tells nobody."""

    def begin(self, step: str, total: int, done: int) -> None:
        pass

    def advance(self, step: str, rows: int) -> None:
        pass

    def end(self, step: str) -> None:
        pass


class Bars(AbstractContextManager["Bars"]):
    """A line a step with a bar, its rows, rows a second and the time left, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, step: str, total: int, done: int) -> None:
        self._tasks[step] = self._progress.add_task(step, total=total, completed=done)

    def advance(self, step: str, rows: int) -> None:
        self._progress.advance(self._tasks[step], rows)

    def end(self, step: str) -> None:
        """What was counted before and read since can differ: a step that has ended is whole."""
        task = self._tasks[step]
        self._progress.update(task, total=self._progress.tasks[task].completed)


class Lines:
    """A line when a step begins and ends, and each ten seconds between, where there is no terminal."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._lock = Lock()
        self._steps: dict[str, _Counted] = {}

    def begin(self, step: str, total: int, done: int) -> None:
        with self._lock:
            self._steps[step] = _Counted(total, done)
            behind = f", {done:,} of them before" if done else ""
            self._write(f"{step}: {total:,} rows{behind}")

    def advance(self, step: str, rows: int) -> None:
        with self._lock:
            counted = self._steps[step]
            counted.done += rows
            if time.monotonic() - counted.told >= _EVERY:
                counted.told = time.monotonic()
                self._write(f"{step}: {counted}")

    def end(self, step: str) -> None:
        with self._lock:
            counted = self._steps[step]
            counted.total = counted.done
            self._write(f"{step}: done, {counted}")


class _Counted:
    def __init__(self, total: int, done: int) -> None:
        self.total, self.done, self._before = total, done, done
        self.began = self.told = time.monotonic()

    def __str__(self) -> str:
        rate = (self.done - self._before) / max(time.monotonic() - self.began, 0.001)
        left = f", {(self.total - self.done) / rate:,.0f} s left" if rate and self.done < self.total else ""
        return f"{self.done:,} of {self.total:,} rows, {rate:,.0f} rows/s{left}"


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} rows/s")
