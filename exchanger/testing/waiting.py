"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.02


def until(condition: Callable[[], object], told: Callable[[], str] = str, *, seconds: float = 60) -> None:
    """Return when ``condition`` holds.

    Raises:
        AssertionError: it does not after ``seconds``, with what ``told`` says went on instead.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(LOOK_SECONDS)
