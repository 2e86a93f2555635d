"""Invalidation that survives a crash, and an outage of Redis, between a commit and its UNLINK.

The keys to drop are written in the same transaction as the change. After the commit they are unlinked and the rows
removed; what is left behind by a crash or an outage is replayed by whichever process reaches Redis first.
"""

import logging
from collections.abc import Iterable, Sequence

from django.apps import apps
from django.db import models, transaction
from redis.exceptions import RedisError

from exchanger.kernel.cache.leases import unlink
from exchanger.kernel.cache.namespaces import CacheKey
from exchanger.kernel.contexts import APP_ALIAS, IDENTITY, current_or_none, current_spec
from exchanger.kernel.db.fields import VarCharField, timestamp

logger = logging.getLogger(__name__)

REPLAY_BATCH = 500


class PendingInvalidation(models.Model):
    """A key that must be dropped from Redis; each database has its own table of them."""

    id = models.BigAutoField(primary_key=True)
    key = VarCharField(max_length=300)
    created_at = timestamp()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.key


def invalidate_on_commit(keys: Iterable[CacheKey], *, using: str) -> None:
    """Drop ``keys`` when the transaction under way on ``using`` commits; not at all when it rolls back.

    Raises:
        TransactionManagementError: no transaction is under way, so nothing would bind the two.
    """
    if not transaction.get_connection(using).in_atomic_block:
        raise transaction.TransactionManagementError(f"invalidate_on_commit needs an atomic block on '{using}'.")
    pending = pending_model(using)
    rows = pending._default_manager.using(using).bulk_create([pending(key=key) for key in keys])
    transaction.on_commit(lambda: _finish(rows, using), using=using, robust=True)


def replay_all() -> int:
    """``replay`` in every database of the process's context that keeps notes of its keys."""
    return sum(replay(alias) for alias in (IDENTITY, current_spec().alias))


def replay(using: str) -> int:
    """Carry out what crashed or unlucky processes left; returns how many keys were dropped.

    No lock is taken: what two processes replay at once is dropped twice, which does no harm, and neither has to trust
    that the other will succeed. When this returns, every note that was there at its beginning has been carried out.

    Raises:
        RedisError: Redis is still out of reach; no note was removed whose key may be there.
    """
    pending = pending_model(using)._default_manager.using(using)
    done = 0
    while True:
        rows = list(pending.order_by("id")[:REPLAY_BATCH])
        if rows:
            unlink(row.key for row in rows)
            pending.filter(id__in=[row.id for row in rows]).delete()
        done += len(rows)
        if len(rows) < REPLAY_BATCH:
            return done


def pending_model(using: str) -> type[PendingInvalidation]:
    """The model of the table of pending invalidations in the database ``using``."""
    app = next(app for app, alias in APP_ALIAS.items() if alias == using)
    return apps.get_model(app, "CacheInvalidation")


def _finish(rows: Sequence[PendingInvalidation], using: str) -> None:
    if current_or_none() is None:
        return  # a maintenance process reaches no Redis; a context's process replays the rows
    try:
        unlink(row.key for row in rows)
    except RedisError as error:
        logger.warning("Redis did not drop %d keys (%s): they are replayed later", len(rows), type(error).__name__)
        return
    pending_model(using)._default_manager.using(using).filter(id__in=[row.id for row in rows]).delete()
