"""``/healthz``: the process runs. ``/readyz``: what it needs answers, and its tables are those of its code."""

from collections.abc import Callable
from functools import partial

from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from exchanger.kernel.cache.access import redis_client
from exchanger.kernel.contexts import apps_of, current_spec


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything answers, else 503; ``checks`` names each and what it said."""
    spec = current_spec()
    checks = {f"database:{alias}": _verdict(partial(_database, alias)) for alias in spec.aliases}
    checks["redis"] = _verdict(_redis)
    ready = all(verdict == "ok" for verdict in checks.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "context": spec.context, "checks": checks},
        status=200 if ready else 503,
    )


def unapplied_migrations(alias: str) -> int:
    """How many migrations of the alias's own apps its database lacks."""
    executor = MigrationExecutor(connections[alias])
    own = apps_of(alias)
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] in own]
    return len([step for step in executor.migration_plan(leaves) if step[0].app_label in own])


def _verdict(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, RedisError) as error:
        return f"unreachable ({type(error).__name__})"


def _database(alias: str) -> str:
    missing = unapplied_migrations(alias)
    return "ok" if not missing else f"{missing} migrations to apply: run manage.py migrate --database={alias}"


def _redis() -> str:
    redis_client().ping()
    return "ok"
