from exchanger.kernel.cache.invalidation import PendingInvalidation


class CacheInvalidation(PendingInvalidation):
    """Keys that a committed change must drop from Redis and has not yet."""

    class Meta(PendingInvalidation.Meta):
        abstract = False
        db_table = "cache_invalidations"
