"""The sessions of the older platform's Redis, read in batches while others use it: SCAN, then MGET and PTTL."""

import re
from collections.abc import Generator, Sequence
from datetime import datetime

import redis

from exchanger.kernel.contexts import Context
from identity.old_sessions.stored import Stored, in_batches
from identity.old_sessions.values import Unreadable, read_value
from identity.old_sessions.window import life_end

_PATIENCE = 60  # seconds
_GLOB = re.compile(r"([\\*?\[\]])")


class RedisSessions:
    """The old Redis' keys of ``prefixes``, each the beginning of one context's; the longest that fits decides."""

    def __init__(self, url: str, prefixes: dict[str, Context], *, batch: int) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=_PATIENCE, driver_info=None, protocol=2)
        self._prefixes = dict(sorted(prefixes.items(), key=lambda item: -len(item[0])))
        self._batch = batch

    def about(self) -> int:
        """How many keys there are in all; raises redis.RedisError."""
        return int(self._redis.dbsize())

    def batches(self) -> Generator[list[Stored], None, None]:
        """Raises redis.RedisError."""
        for prefix, context in self._prefixes.items():
            pattern = _GLOB.sub(r"\\\1", prefix) + "*"
            keys = self._redis.scan_iter(match=pattern, count=self._batch)
            mine = (key for key in keys if self._prefix_of(key) == prefix)
            for places in in_batches(mine, self._batch):
                yield self._read(prefix, context, places)

    def remove(self, places: Sequence[bytes]) -> None:
        """Delete sessions that have been moved; raises redis.RedisError."""
        if places:
            self._redis.delete(*places)

    def _read(self, prefix: str, context: Context, places: list[bytes]) -> list[Stored]:
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.mget(places)
            for place in places:
                pipeline.pttl(place)
            values, *lives = pipeline.execute()
        length = len(prefix.encode())
        return [
            _of_value(prefix + "*", place, place[length:].decode(errors="replace"), context, value, life_end(life))
            for place, value, life in zip(places, values, lives, strict=True)
        ]

    def _prefix_of(self, key: bytes) -> str | None:
        return next((prefix for prefix in self._prefixes if key.startswith(prefix.encode())), None)


def _of_value(
    source: str, place: bytes, key: str, context: Context, value: bytes | None, ends: datetime | None
) -> Stored:
    if value is None:
        return Stored(source, key, context, place=place, reason="it has ended, or is no string")
    try:
        return Stored(source, key, context, ends, place, read_value(value))
    except Unreadable as error:
        return Stored(source, key, context, place=place, reason=str(error))
