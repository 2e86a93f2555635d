"""What Redis tells of itself: of the whole server, whoever uses it."""

from dataclasses import dataclass
from typing import Any

from exchanger.kernel.cache.access import ask


@dataclass(frozen=True, slots=True)
class RedisCounts:
    """Look-ups of keys that were there and that were not, since the server started; its memory in bytes; its keys."""

    hits: int
    misses: int
    memory: int
    keys: int


def redis_counts() -> RedisCounts:
    """Ask now.

    Raises:
        redis.RedisError: it does not answer, or the process's user may not ask.
    """
    told: dict[str, Any] = ask(
        lambda redis: redis.execute_command("INFO", "stats", "memory", "keyspace")  # type: ignore[no-untyped-call]
    )
    databases = [held for name, held in told.items() if name.startswith("db") and isinstance(held, dict)]
    return RedisCounts(
        hits=told["keyspace_hits"],
        misses=told["keyspace_misses"],
        memory=told["used_memory"],
        keys=sum(held["keys"] for held in databases),
    )
