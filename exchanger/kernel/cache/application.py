from collections.abc import Callable
from typing import Any, ClassVar

from exchanger.kernel.cache.leases import CoherentCache, Loaded
from exchanger.kernel.cache.namespaces import Namespace
from exchanger.kernel.contexts import Context, require
from exchanger.kernel.metrics.process import CACHE_READS


class ApplicationCache:
    """What one application caches of its own business database (the source document's class of this name).

    Each application has its own subclass, whose reads name what they return; a process can make only its own.

    Raises:
        ForeignContext, NoContext: made in another context's process.
    """

    context: ClassVar[Context]

    def __init__(self) -> None:
        require(self.context)

    def _read(self, namespace: Namespace, ident: object, load: Callable[[], Loaded | None]) -> Any:
        missed: list[bool] = []

        def counted() -> Loaded | None:
            missed.append(True)
            return load()

        value = CoherentCache(namespace).get(ident, counted)
        CACHE_READS.labels(namespace.prefix.rstrip(":"), "miss" if missed else "hit").inc()
        return value
