import argparse
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import connections

from exchanger.kernel.contexts import IDENTITY
from identity import session_rows
from identity.sessions import PURGE_BATCH

SAY_SECONDS = 2.0  # between two lines of progress where each stays, as in a log; a terminal's line is written over
_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
# The planner's guess: at once, and good to a few percent. Counting would read every one of them.
_ESTIMATE = "EXPLAIN (FORMAT JSON) SELECT FROM sessions WHERE expires_at <= now()"


class Command(BaseCommand):
    help = (
        "Delete expired sessions in batches that hold no lock for long and skip rows that somebody holds. "
        "Each batch is a transaction of its own, so it can be stopped and started again at any time; several at once "
        "share the work. A context's process reaches its own; the owner reaches all. "
        "The workers do it each hour by themselves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=_positive, default=PURGE_BATCH, help="Rows per statement (%(default)s).")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        progress = _Progress(self.stdout, _estimate())
        with _finishing_the_batch() as stopped:
            while not stopped.is_set() and (purged := session_rows.purge_expired(batch)):
                progress.add(purged)
        self.stdout.write(progress.summary())
        if stopped.is_set():
            raise CommandError("Stopped after a whole batch: run it again for the rest.", returncode=_INTERRUPTED)


class _Progress:
    """How many are done, of about how many, and how fast."""

    def __init__(self, out: OutputWrapper, about: int) -> None:
        self._out = out
        self._about = about
        self._done = 0
        self._began = self._said = time.monotonic()

    def add(self, rows: int) -> None:
        self._done += rows
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
        return f"{over}{f'{self._done:,} expired sessions deleted in {seconds:.1f} s.':<{78 if over else 0}}"

    def _line(self, now: float) -> str:
        of = f" of about {self._about:,} ({self._done / self._about:.0%})" if self._done <= self._about else ""
        return f"  {self._done:,}{of} deleted, {self._done / (now - self._began):,.0f} a second"


def _estimate() -> int:
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_ESTIMATE)
        ((plan,),) = cursor.fetchall()
    return int(plan[0]["Plan"]["Plan Rows"])


@contextmanager
def _finishing_the_batch() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, and a second one interrupts as ever; only the main thread is told of either."""
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


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a batch holds at least one row")
    return number
