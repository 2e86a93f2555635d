"""The environment of a production process, with made-up values: for what reads settings and needs no server."""

import secrets

from exchanger.checks.http import SMTP
from exchanger.environment import database_variable
from exchanger.isolation.credentials import with_login
from exchanger.kernel.contexts import ALIASES, OWNER_ROLE, SPECS, Context, database_name


def production_environment(context: Context | None) -> dict[str, str]:
    """What a process of ``context`` is started with in production; None is maintenance."""
    if context is None:
        return _urls(ALIASES, OWNER_ROLE)
    spec = SPECS[context]
    host = f"{context}.exchanger.example"
    return {
        "EXCHANGER_CONTEXT": context,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": host,
        "CSRF_TRUSTED_ORIGINS": f"https://{host}",
        "BEHIND_TLS_PROXY": "true",
        "EMAIL_BACKEND": SMTP,
        "EMAIL_HOST": "mail.exchanger.example",
        "PUBLIC_WEB_URL": f"https://{Context.WEB}.exchanger.example",
        "REDIS_URL": with_login("redis://redis.exchanger.example:6379/0", context, secrets.token_urlsafe(30)),
        **_urls(spec.aliases, spec.role),
        **_between(context),
    }


def _between(context: Context) -> dict[str, str]:
    shared = {"EVENTS_SECRET": secrets.token_urlsafe(50), "ACTING_SECRET": secrets.token_urlsafe(50)}
    match context:
        case Context.WEB:
            return {**shared, "TELEGRAM_INTERNAL_URL": "http://telegram.exchanger.example:8000"}
        case Context.TELEGRAM:
            return {**shared, "WEB_INTERNAL_URL": "http://web.exchanger.example:8000"}
        case Context.ADMIN:
            return {"OPERATORS_FACTOR_SECRET": secrets.token_urlsafe(50)}


def _urls(aliases: tuple[str, ...], role: str) -> dict[str, str]:
    server = "postgresql://postgres.exchanger.example:5432/"
    password = secrets.token_urlsafe(30)
    return {database_variable(alias): with_login(server, role, password, database_name(alias)) for alias in aliases}
