"""Scripts of one key, which a Redis Cluster runs unchanged."""

import hashlib
from functools import cache
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError


def evaluate(redis: Redis, script: str, *args: Any) -> Any:
    """Run a script by its hash, and by its text where the server has lost it."""
    try:
        return redis.execute_command("EVALSHA", _hash(script), 1, *args)  # type: ignore[no-untyped-call]
    except NoScriptError:
        return redis.execute_command("EVAL", script, 1, *args)  # type: ignore[no-untyped-call]


@cache
def _hash(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
