"""The web application as it is, with one address more and every request watched."""

from exchanger.settings import *  # noqa: F403
from exchanger.settings import CACHES, MIDDLEWARE

MIDDLEWARE = ["bench.drilling.watch.Watch", *MIDDLEWARE, "bench.drilling.draft.Draft"]
_options = CACHES["default"]["OPTIONS"]
DRILL_REDIS_CLIENT = _options["REDIS_CLIENT_CLASS"]
_options["REDIS_CLIENT_CLASS"] = "bench.drilling.watch.WatchedClient"
