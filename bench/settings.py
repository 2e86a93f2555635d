"""The project's settings, and beside them what Django's own session engines need: a table and a cache."""

import os
from typing import Any

from exchanger.settings import *  # noqa: F403
from exchanger.settings import CACHES, DATABASE_ROUTERS, DATABASES, INSTALLED_APPS

STOCK = "stock"  # the alias of both
INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sessions"]
_identity = DATABASES["identity"]
DATABASES = {  # the same database and login, in a schema of their own
    **DATABASES,
    STOCK: {**_identity, "OPTIONS": {**_identity["OPTIONS"], "options": f"-c search_path={STOCK}"}},
}
DATABASE_ROUTERS = ["bench.settings.StockRouter", *DATABASE_ROUTERS]
CACHES = {
    **CACHES,
    STOCK: {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ["STOCK_REDIS_URL"],
        "OPTIONS": {"protocol": 2},
    },
}
SESSION_CACHE_ALIAS = STOCK


class StockRouter:
    """Django's own session table, and nothing else, is in the stock schema."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return STOCK if model._meta.app_label == "sessions" else None

    db_for_write = db_for_read
