"""Each process logs in to its own databases as its own role: what PostgreSQL enforces rests on that."""

from collections import Counter
from typing import Any

from django.core.checks import CheckMessage, register
from django.db import connections

from exchanger.checks.endpoints import Endpoint, endpoints
from exchanger.checks.findings import TAG, error, warning
from exchanger.environment import database_variable
from exchanger.kernel.contexts import (
    BACKUP_ROLE,
    OWNER_ROLE,
    SPECS,
    ContextSpec,
    current_or_none,
    database_name,
)
from exchanger.wiring import REFUSED

POSTGRESQL_SUPERUSER = "postgres"
PGBOUNCER_PORT = "6432"
_ABOVE_THE_RULES = (OWNER_ROLE, BACKUP_ROLE, POSTGRESQL_SUPERUSER)


@register(TAG)
def logins(**kwargs: Any) -> list[CheckMessage]:
    context = current_or_none()
    if context is None:
        return [message for endpoint in endpoints() for message in _owners_login(endpoint)]
    return [message for endpoint in endpoints() for message in _own_login(endpoint, SPECS[context])]


@register(TAG)
def passwords(**kwargs: Any) -> list[CheckMessage]:
    return [
        error(
            4,
            f"{database_variable(endpoint.alias)} has no password.",
            "Put the role's password in the URL (or passfile= or sslcert= in its query): a server that lets it in "
            "without one trusts every process, and no role means anything.",
        )
        for endpoint in endpoints()
        if not endpoint.authenticated
    ]


@register(TAG)
def databases_apart(**kwargs: Any) -> list[CheckMessage]:
    found = endpoints()
    messages: list[CheckMessage] = [
        error(
            5,
            f"{database_variable(endpoint.alias)} names the database '{endpoint.database}'.",
            f"Let it end in /{database_name(endpoint.alias)}: migrate and the grants expect that name.",
        )
        for endpoint in found
        if endpoint.database != database_name(endpoint.alias)
    ]
    places = Counter((endpoint.host, endpoint.port, endpoint.database) for endpoint in found)
    for place, count in places.items():
        if count > 1:
            shared = [
                endpoint.alias for endpoint in found if (endpoint.host, endpoint.port, endpoint.database) == place
            ]
            messages.append(
                error(
                    6,
                    f"{' and '.join(database_variable(alias) for alias in shared)} are one database.",
                    "Give each alias the URL of a database of its own: their tables and grants must not mix.",
                )
            )
    return messages


@register(TAG)
def no_foreign_database(**kwargs: Any) -> list[CheckMessage]:
    context = current_or_none()
    allowed = set(SPECS[context].aliases) if context else set(connections.settings) - {"default"}
    return [
        error(
            7,
            f"The database '{alias}' can be connected to, though this process has no business there.",
            "Leave DATABASES to exchanger/wiring.py: it refuses every alias that the context does not list.",
        )
        for alias, values in connections.settings.items()
        if alias not in allowed and values["ENGINE"] != REFUSED
    ]


@register(TAG)
def connections_kept(**kwargs: Any) -> list[CheckMessage]:
    return [
        warning(
            1,
            f"Each request connects to '{endpoint.alias}' anew (CONN_MAX_AGE is 0).",
            "Leave CONN_MAX_AGE to exchanger/wiring.py: connecting costs most of the throughput.",
        )
        for endpoint in endpoints()
        if connections.settings[endpoint.alias]["CONN_MAX_AGE"] == 0
        and "pool" not in connections.settings[endpoint.alias]["OPTIONS"]
    ]


@register(TAG)
def pgbouncer_named(**kwargs: Any) -> list[CheckMessage]:
    return [
        warning(
            2,
            f"{database_variable(endpoint.alias)} has PgBouncer's port, but PGBOUNCER is not set.",
            "Set PGBOUNCER=true: in transaction mode a server-side cursor would outlive its server.",
        )
        for endpoint in endpoints()
        if endpoint.port == PGBOUNCER_PORT and not connections.settings[endpoint.alias]["DISABLE_SERVER_SIDE_CURSORS"]
    ]


def _own_login(endpoint: Endpoint, spec: ContextSpec) -> list[CheckMessage]:
    if endpoint.user == spec.role:
        return []
    remedy = f"Let it log in as {spec.role}: postgresql://{spec.role}:PASSWORD@…"
    variable = database_variable(endpoint.alias)
    if endpoint.user in _ABOVE_THE_RULES:
        return [
            error(
                1,
                f"{variable} logs a '{spec.context}' process in as '{endpoint.user}', whom no grant binds.",
                remedy,
            )
        ]
    return [error(2, f"{variable} logs a '{spec.context}' process in as '{endpoint.user}'.", remedy)]


def _owners_login(endpoint: Endpoint) -> list[CheckMessage]:
    if endpoint.user == OWNER_ROLE:
        return []
    return [
        error(
            3,
            f"{database_variable(endpoint.alias)} logs a maintenance process in as '{endpoint.user}'.",
            f"Let it log in as {OWNER_ROLE}: what another role creates would not carry the platform's grants.",
        )
    ]
