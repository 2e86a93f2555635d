"""What each process counts of its own requests, declared once.

Where a server runs several worker processes, the folder PROMETHEUS_MULTIPROC_DIR lets whichever is asked answer for
all of them; prometheus_client reads the variable when it is first imported, which is here.
"""

import os
from contextlib import suppress
from pathlib import Path

from django.conf import settings

if settings.PROMETHEUS_MULTIPROC_DIR:
    Path(settings.PROMETHEUS_MULTIPROC_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter("exchanger_http_requests", "Requests that were answered.", ["method", "route", "status"])
DURATION = Histogram(
    "exchanger_http_request_duration_seconds", "How long an answer took.", ["method", "route"], buckets=SECONDS
)
IN_FLIGHT = Gauge("exchanger_http_requests_in_flight", "Requests that are being answered.", multiprocess_mode="livesum")
CIRCUIT_OPEN = Gauge(
    "exchanger_redis_circuit_open",
    "Worker processes that go on without Redis, as each knew at its last request.",
    multiprocess_mode="livesum",
)
CACHE_READS = Counter(
    "exchanger_cache_reads", "Reads of what an application caches; a miss asked PostgreSQL.", ["cache", "result"]
)
OLD_SESSIONS = Counter(
    "exchanger_old_session_arrivals",
    "Requests that an old platform's cookie came with, by its outcome.",
    ["outcome"],
)


def process_registry() -> CollectorRegistry:
    """What has been counted, by this process or by all the workers of its server."""
    if not settings.PROMETHEUS_MULTIPROC_DIR:
        return REGISTRY
    _forget_dead()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _forget_dead() -> None:
    """A worker that was killed leaves its gauges behind: what it had in flight would be counted for ever."""
    for path in Path(settings.PROMETHEUS_MULTIPROC_DIR).glob("gauge_live*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another worker is asked at the same moment
                mark_process_dead(pid, settings.PROMETHEUS_MULTIPROC_DIR)  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
