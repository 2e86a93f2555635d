"""When garbage is collected."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_later() -> Iterator[None]:
    """Collect no garbage in the block, and never what it leaves: for a process's start.

    Modules are no garbage, and looking for some among them again and again is an eighth of a start. What is left out
    of collections stays shared between forked processes, too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
