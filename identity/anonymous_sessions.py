"""Anonymous sessions: Redis is the only place that they have, and an outage of it loses them."""

import logging

from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.utils import timezone
from redis.exceptions import RedisError

from exchanger.kernel.cache.access import ask
from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.cache.leases import Loaded, unlink
from exchanger.kernel.cache.namespaces import SESSIONS, CacheKey
from exchanger.kernel.cache.scripts import evaluate
from identity.session_values import Held

logger = logging.getLogger(__name__)

# A save follows only a session: what a reader of an ended one has left there, a lease, must not become it again.
_REPLACE_ANONYMOUS = """
local held = redis.call('GET', KEYS[1])
if not held or string.sub(held, 1, 1) ~= '{' then redis.call('UNLINK', KEYS[1]) return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


def keep_anonymous(key: CacheKey, value: Loaded, *, create: bool) -> None:
    """Write it under its key, to live as long as the session; without Redis it is not kept.

    Raises:
        CreateError, UpdateError: there is one already, or none any more.
    """
    assert value.expires_at is not None
    life = min(SESSIONS.ttl * 1000, int((value.expires_at - timezone.now()).total_seconds() * 1000))
    encoded = encode(value.value)
    try:
        if life <= 0:
            unlink([key])
            return
        if create:
            kept = ask(lambda redis: redis.set(key, encoded, px=life, nx=True))
        else:
            kept = ask(lambda redis: evaluate(redis, _REPLACE_ANONYMOUS, key, encoded, life))
    except RedisError as error:
        logger.warning("An anonymous session was not kept (%s)", type(error).__name__)
        return
    if not kept:
        raise CreateError if create else UpdateError


def is_cached(key: CacheKey) -> bool:
    """Whether Redis has a live session under the key; an anonymous one exists nowhere else."""
    try:
        held = Held.of_cached(decode(ask(lambda redis: redis.get(key)) or b"null"))
    except (RedisError, TypeError, KeyError, ValueError):  # a lease or damage, or nothing
        return False
    return held.expires_at > timezone.now()
