"""From the environment to Django's DATABASES and CACHES, for the context that the process has."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from exchanger.environment import Environment, WrongEnvironment, database_variable
from exchanger.kernel.contexts import ALIASES, SPECS, Context
from exchanger.kernel.old_sessions import KEY_PREFIXES, CookieKind, OldCookie, OldPlatform

REFUSED = "exchanger.kernel.db.refused"
CRYPTO = ["BTC:8", "ETH:8", "LTC:8", "TRX:6", "USDC:6", "USDT:6"]


def databases(env: Environment) -> dict[str, dict[str, Any]]:
    """DATABASES of the process: its own aliases connect, all others refuse and say why.

    Raises:
        WrongEnvironment: a context's process lacks the URL of a database it needs.
    """
    wired = {
        "default": _refused(
            "There is no default database: name one with using(...) or --database=identity|web|admin|bot."
        )
    }
    for alias in ALIASES:
        wired[alias] = _database(env, alias)
    return wired


def caches(env: Environment, *, timeout: float) -> dict[str, dict[str, Any]]:
    """CACHES of the process: Redis as the context's own user, and none in maintenance.

    ``timeout`` is in seconds, for connecting and for each answer.
    """
    if env.context is None:
        return {"default": {"BACKEND": "exchanger.kernel.cache.refused.RefusedCache"}}
    return {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": env.redis_url(),
            "KEY_FUNCTION": "exchanger.kernel.cache.keys.literal_key",
            "REVERSE_KEY_FUNCTION": "exchanger.kernel.cache.keys.reverse_key",
            "OPTIONS": {
                "SERIALIZER": "exchanger.kernel.cache.codec.JSONSerializer",
                "SOCKET_TIMEOUT": timeout,
                "SOCKET_CONNECT_TIMEOUT": timeout,
                "CONNECTION_POOL_CLASS": "exchanger.kernel.cache.connections.ThreadPinnedPool",
                "REDIS_CLIENT_CLASS": "exchanger.kernel.cache.connections.LeanClient",
                # CLIENT SETINFO is not among the commands that a context's user may run.
                "CONNECTION_POOL_KWARGS": {"driver_info": None, "protocol": 2},
            },
        }
    }


def crypto_currencies(env: Environment) -> dict[str, int]:
    """Code → decimals, of ``CRYPTO_CURRENCIES``.

    Raises:
        WrongEnvironment: an entry is not a code with 0 to 8 decimals.
    """
    found: dict[str, int] = {}
    for entry in env.names("CRYPTO_CURRENCIES", CRYPTO):
        if not re.fullmatch(r"[A-Z0-9]{2,10}:[0-8]", entry):
            raise WrongEnvironment(
                f"CRYPTO_CURRENCIES has {entry!r}: list codes with their decimals, at most 8, like BTC:8,USDT:6"
            )
        code, _, places = entry.partition(":")
        found[code] = int(places)
    return found


def old_platform(env: Environment, own_cookie: str) -> OldPlatform:
    """What the process knows of an older platform's sessions: nothing, unless the environment tells it.

    ``own_cookie`` is the name of the process's own session cookie.

    Raises:
        WrongEnvironment: a cookie that cannot be read or would be two applications', or what it needs is missing.
    """
    every = [_old_cookie(entry.strip()) for entry in env.names("EXCHANGER_LEGACY_SESSION_COOKIES")]
    names = [cookie.name for cookie in every]
    for name in names:
        if names.count(name) > 1 or name == own_cookie:
            raise WrongEnvironment(
                f"EXCHANGER_LEGACY_SESSION_COOKIES has {name!r} twice, or it is this platform's own: "
                "an old cookie belongs to one application"
            )
    cookies = tuple(cookie for cookie in every if cookie.context is env.context)
    kinds = {cookie.kind for cookie in cookies}
    redis_url = env.old_redis_url()
    platform = OldPlatform(
        cookies,
        tuple(env.names("EXCHANGER_LEGACY_COOKIE_SECRETS")),
        tuple(env.names("EXCHANGER_LEGACY_SECRET_KEYS")),
        redis_url if cookies or env.context is None else "",
        env.flag("EXCHANGER_LEGACY_REDIS_REMOVE"),
        _moment(env.text("EXCHANGER_LEGACY_UNTIL")),
    )
    if CookieKind.EXPRESS in kinds and not platform.cookie_secrets:
        raise WrongEnvironment(
            "EXCHANGER_LEGACY_COOKIE_SECRETS is not set: set it to the secret of the old platform's cookies"
        )
    if platform.redis_url and CookieKind.DJANGO in kinds and not platform.secret_keys:
        raise WrongEnvironment(
            "EXCHANGER_LEGACY_SECRET_KEYS is not set: set it to the old platform's SECRET_KEY, "
            "which tells the sessions of a present password from those of a former one"
        )
    if cookies and redis_url and platform.until is None:
        raise WrongEnvironment(
            "EXCHANGER_LEGACY_UNTIL is not set: set it to when the old platform stopped to serve, "
            "like 2026-11-23T04:00:00Z"
        )
    return platform


def _old_cookie(entry: str) -> OldCookie:
    """``name=context:kind`` or ``name=context:kind:prefix of the keys``."""
    name, _, rest = entry.partition("=")
    context, _, form = rest.partition(":")
    kind, _, prefix = form.partition(":")
    if not name or context not in set(Context) or kind not in set(CookieKind):
        raise WrongEnvironment(
            f"EXCHANGER_LEGACY_SESSION_COOKIES has {entry!r}: list cookies like connect.sid=web:express or "
            "sessionid=admin:django:PREFIX; the kinds are express, django and token"
        )
    return OldCookie(name, Context(context), CookieKind(kind), prefix or KEY_PREFIXES[CookieKind(kind)])


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise WrongEnvironment(
        f"EXCHANGER_LEGACY_UNTIL is {text!r}: set it to a time with its zone, like 2026-11-23T04:00:00Z"
    )


def _database(env: Environment, alias: str) -> dict[str, Any]:
    if env.context is not None and alias not in SPECS[env.context].aliases:
        return _refused(f"A process of context '{env.context}' has no access to the database '{alias}'.")
    settings = env.database(alias)
    if settings is None:
        remedy = f"set {database_variable(alias)} to the database's postgresql:// URL"
        if env.context is not None:
            raise WrongEnvironment(f"{database_variable(alias)} is not set: {remedy}")
        return _refused(f"The database '{alias}' has no URL: {remedy}.")
    settings.setdefault("OPTIONS", {})
    pgbouncer = env.flag("PGBOUNCER")
    # Only statements that ask for it are prepared (psycopg's own default would be every fifth). Through PgBouncer none
    # are: before its version 1.21 the next statement may meet a server that does not know them.
    settings["OPTIONS"].setdefault("prepare_threshold", None if pgbouncer else 10**9)
    settings["OPTIONS"].setdefault("connect_timeout", 3)
    return {
        **settings,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # Through PgBouncer in transaction mode a server-side cursor would outlive its server.
        "DISABLE_SERVER_SIDE_CURSORS": pgbouncer,
        "TEST": {"DEPENDENCIES": []},
    }


def _refused(reason: str) -> dict[str, Any]:
    return {"ENGINE": REFUSED, "NAME": "", "REFUSAL": reason, "TEST": {"MIRROR": "identity", "DEPENDENCIES": []}}
