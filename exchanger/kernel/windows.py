"""Counting requests in a process's own memory: for limits that must not cost a round trip on every request."""

import threading
import time
from collections.abc import Callable

CAPACITY = 50_000  # of whom the process counts in one minute, about 8 MB; who comes beyond them is not counted


class MinuteWindow:
    """How often each of many has done something in the current minute. Thread-safe; every use costs the same."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._counts: dict[str, int] = {}

    def use(self, who: str, limit: int) -> int:
        """Count a use by ``who``: 0 if it is one of the minute's first ``limit``, else how many seconds to wait."""
        with self._lock:
            age = self._clock() - self._began
            if age >= 60:
                self.forget()
                age = 0.0
            count = self._counts.get(who, 0)
            if count >= limit:
                return max(1, round(60 - age))
            if count or len(self._counts) < self._capacity:
                self._counts[who] = count + 1
            return 0

    def forget(self) -> None:
        """Begin a new minute."""
        self._counts.clear()
        self._began = self._clock()


requests = MinuteWindow()
