"""A cache in front of PostgreSQL in which nobody can put back what somebody else has just taken away.

Reading: one ``SET key <lease> NX GET EX 10`` returns the value, or leaves our lease where there was nothing. The
loader then reads PostgreSQL, and the value replaces the lease only if the lease is still ours. Invalidation commits
in PostgreSQL first and unlinks the key after, which kills the value and any lease under way. A save replaces only a
value that is there and older, by a version that follows the order of commits, and kills a lease. So a context needs
nothing but UNLINK on another's keys, and every operation touches one key (a Redis Cluster runs it unchanged).

Redis is never the truth: when it fails, a read goes on to PostgreSQL and a write-through is left out.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from exchanger.kernel.cache.access import ask
from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.cache.namespaces import CacheKey, Namespace
from exchanger.kernel.cache.scripts import evaluate

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10
_LEASE_MARK = b"lease:"  # no JSON value starts with an l
_NX_GET = ("NX", "GET", "EX", LEASE_SECONDS)

_FILL = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then return redis.call('UNLINK', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
# A version is read off the beginning of the value, which is several times cheaper than decoding it.
_WRITE_THROUGH = """
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
local version = string.match(held, '^{"version":(%d+)')
if ARGV[3] == '0' or not version then return redis.call('UNLINK', KEYS[1]) end
if tonumber(version) >= tonumber(ARGV[2]) then return 0 end
-- At its memory's limit a server refuses to store and still deletes: the older value must not be left for later.
if redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]).err then return redis.call('UNLINK', KEYS[1]) end
return 1
"""


class _Tokens:
    """Lease tokens, each unlike any other's: of this process (16 random bytes) and a number. They are no secret."""

    def __init__(self) -> None:
        self.renew()
        os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self._process = _LEASE_MARK + secrets.token_hex(16).encode()
        self._numbers = count()

    def next(self) -> bytes:
        return b"%b.%d" % (self._process, next(self._numbers))


_tokens = _Tokens()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader found in PostgreSQL: a JSON value, and when it stops being true (aware UTC; None: never)."""

    value: Any
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A right to fill one key, good for LEASE_SECONDS unless an invalidation comes first."""

    key: CacheKey
    token: bytes


class CoherentCache:
    """The values of one namespace. Methods raise ForeignContext for a namespace that is not the process's own."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def get(self, ident: object, load: Callable[[], Loaded | None]) -> Any:
        """The cached value of ``ident``, or what ``load`` reads from PostgreSQL (cached then), or None.

        One Redis command when warm; ``load`` and one more command when not.
        """
        lease = self._new_lease(ident)
        try:
            held: Any = ask(lambda redis: redis.execute_command("SET", lease.key, lease.token, *_NX_GET, get=True))  # type: ignore[no-untyped-call]
        except RedisError:
            found = load()
            return None if found is None else found.value
        if isinstance(held, bytes) and not held.startswith(_LEASE_MARK):
            with suppress(ValueError):
                if (value := decode(held)) is not None:
                    return value
            self._discard(lease.key)
        found = load()
        if held is None or held == lease.token:  # ours, where the command was sent twice
            self.fill(lease, found)
        return None if found is None else found.value

    def _discard(self, key: CacheKey) -> None:
        """Drop what no process of ours has written: not JSON, or nothing."""
        logger.warning("A value under %s is damaged: PostgreSQL is asked instead", self.namespace.prefix)
        with suppress(RedisError):
            unlink([key])

    def lease(self, ident: object) -> Lease | None:
        """Take the right to fill the key of something about to be created; None when it cannot be had."""
        lease = self._new_lease(ident)
        try:
            taken = ask(lambda redis: redis.set(lease.key, lease.token, nx=True, ex=LEASE_SECONDS))
        except RedisError:
            return None
        return lease if taken else None

    def fill(self, lease: Lease, found: Loaded | None) -> None:
        """Put what was loaded in the lease's place, if it is still ours; nothing found gives the lease up."""
        life = 0 if found is None else self._life(found)
        value = encode(found.value) if found is not None and life else b""
        self._run(_FILL, lease.key, lease.token, value, life)

    def write_through(self, ident: object, found: Loaded, version: int) -> bool:
        """After the commit of a change, replace the cached value if it is older; never create one.

        False when Redis did not confirm it, so that an older value may be there: note the key as one to be dropped.
        ``found.value`` is a JSON object that begins with ``version``, which grows with each commit; what is held and
        begins otherwise, a lease for one, is dropped.
        """
        return self._run(_WRITE_THROUGH, self.namespace.key(ident), encode(found.value), version, self._life(found))

    def _life(self, found: Loaded) -> int:
        """Milliseconds that the value may be kept: the namespace's, and never longer than it is true."""
        life = self.namespace.ttl * 1000
        if found.expires_at is not None:
            life = min(life, int((found.expires_at - timezone.now()).total_seconds() * 1000))
        return max(life, 0)

    def _new_lease(self, ident: object) -> Lease:
        return Lease(self.namespace.key(ident), _tokens.next())

    def _run(self, script: str, key: CacheKey, *args: Any) -> bool:
        try:
            ask(lambda redis: evaluate(redis, script, key, *args))
        except RedisError as error:
            logger.debug("Nothing was cached under %s (%s)", self.namespace.prefix, type(error).__name__)
            return False
        return True


def unlink(keys: Iterable[str]) -> None:
    """Remove keys, values and leases alike, in one round trip.

    Raises:
        RedisError: Redis did not confirm it; the keys may or may not be gone.
    """

    def drop(redis: Redis) -> None:
        with redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.unlink(key)
            pipeline.execute()

    ask(drop, deletes=True)
