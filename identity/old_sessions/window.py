"""The window: while it is open, a session that nobody has moved yet is looked up in the older platform's Redis."""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)


class OutOfReach(Exception):
    """The old Redis does not answer, or failed a moment ago and was not asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the old Redis holds under a key; ``expires_at`` (aware) is None where it keeps it for ever."""

    value: bytes
    expires_at: datetime | None


class OldRedis:
    """The older platform's Redis, asked with short patience. After a failure one caller an interval asks again."""

    def __init__(self, url: str) -> None:
        # It may be an old server, and a user with few rights: no greeting, and no second attempt.
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=settings.REDIS_TIMEOUT,
            socket_connect_timeout=settings.REDIS_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
            protocol=2,
        )
        self._lock = threading.Lock()
        self._failed = False
        self._next_try = 0.0  # monotonic seconds

    def find(self, key: str) -> Found | None:
        """Raises OutOfReach."""
        if self._failed and not self._may_try():
            raise OutOfReach
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.mget([key])  # not GET, which fails where a key of this name holds no string
                pipeline.pttl(key)
                [value], life = pipeline.execute()
        except RedisError as error:
            with self._lock:
                self._failed = True
                self._next_try = time.monotonic() + settings.REDIS_PROBE_SECONDS
            logger.warning("The old Redis does not answer (%s): unknown sessions are nobody's", type(error).__name__)
            raise OutOfReach from error
        self._failed = False
        return None if value is None else Found(value, life_end(life))

    def remove(self, key: str) -> None:
        """Delete a session that has been moved; where that fails it stays, and is not taken a second time."""
        try:
            self._redis.delete(key)
        except RedisError as error:
            logger.warning("The old Redis keeps a session that has been moved (%s)", type(error).__name__)

    def _may_try(self) -> bool:
        with self._lock:
            if time.monotonic() < self._next_try:
                return False
            self._next_try = time.monotonic() + settings.REDIS_PROBE_SECONDS
            return True


def life_end(milliseconds: int) -> datetime | None:
    """When a key with this PTTL ends; None without one, and where no calendar has that day."""
    try:
        return None if milliseconds < 0 else datetime.now(UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


@cache
def old_redis(url: str) -> OldRedis:
    """The process's one connection pool to it."""
    return OldRedis(url)
