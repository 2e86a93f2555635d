"""What commands that work in batches share: how far they are, and Ctrl-C, which lets them finish the batch."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

SAY_SECONDS = 2.0  # between two lines of progress where each stays, as in a log; a terminal's line is written over
_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended


class Progress:
    """How many are ``done`` ("deleted"), of about how many, and how fast; ``things`` is what they are."""

    def __init__(self, out: OutputWrapper, about: int, *, things: str, done: str) -> None:
        self._out = out
        self._about = about
        self._things = things
        self._verb = done
        self._done = 0
        self._began = self._said = time.monotonic()

    def add(self, number: int) -> None:
        self._done += number
        now = time.monotonic()
        if self._out.isatty():
            self._out.write(f"\r{self._line(now):<78}", ending="")
            self._out.flush()
        elif now - self._said >= SAY_SECONDS:
            self._out.write(self._line(now))
            self._out.flush()
            self._said = now

    def summary(self) -> str:
        seconds = time.monotonic() - self._began
        over = "\r" if self._out.isatty() else ""
        return f"{over}{f'{self._done:,} {self._things} {self._verb} in {seconds:.1f} s.':<{78 if over else 0}}"

    def _line(self, now: float) -> str:
        of = f" of about {self._about:,} ({self._done / self._about:.0%})" if self._done <= self._about else ""
        return f"  {self._done:,}{of} {self._verb}, {self._done / (now - self._began):,.0f} a second"


@contextmanager
def finishing_the_batch() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, and a second one interrupts as ever; only the main thread is told of either.

    Raises:
        CommandError: at the end, if it was stopped.
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: Any) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
    if stopped.is_set():
        raise CommandError("Stopped after a whole batch: run it again for the rest.", returncode=_INTERRUPTED)
