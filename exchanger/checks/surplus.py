"""A process holds only its own secrets: what is not in its environment cannot leak from it."""

import os
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, register

from exchanger.checks.findings import TAG, error, warning
from exchanger.environment import database_variable
from exchanger.isolation.credentials import login_roles, password_variable, redis_password_variable
from exchanger.kernel.contexts import ALIASES, SPECS, Context, current_or_none

SUPERUSERS = ("SUPERUSER_DSN", "REDIS_SUPERUSER_URL", "REDIS_SUPERUSER_PASSWORD")


@register(TAG)
def foreign_credentials(**kwargs: Any) -> list[CheckMessage]:
    context = current_or_none()
    if context is None:
        return []
    return [
        error(
            number,
            f"A '{context}' process has {name} in its environment: {whose}.",
            f"Start it without {name}; each process gets the variables of its own context and no others.",
        )
        for number, name, whose in _not_for(context)
        if os.environ.get(name)
    ]


@register(TAG)
def postgresql_password(**kwargs: Any) -> list[CheckMessage]:
    # Not an error: a developer's shell may have it for another project.
    if current_or_none() is None or not os.environ.get("POSTGRES_PASSWORD"):
        return []
    return [
        warning(
            11,
            "This process has POSTGRES_PASSWORD in its environment: in docker-compose.yml that is the superuser's.",
            "Start it without POSTGRES_PASSWORD.",
        )
    ]


@register(TAG)
def maintenance_without_redis(**kwargs: Any) -> list[CheckMessage]:
    if current_or_none() is not None or not os.environ.get("REDIS_URL"):
        return []
    return [
        warning(
            10,
            "A maintenance process has REDIS_URL, which it never uses.",
            "Leave it out, or set EXCHANGER_CONTEXT if this process is to serve an application.",
        )
    ]


def _not_for(context: Context) -> Iterator[tuple[int, str, str]]:
    for alias in ALIASES:
        if alias not in SPECS[context].aliases:
            yield 10, database_variable(alias), f"it may not reach the database '{alias}'"
    for role in login_roles():
        yield 11, password_variable(role), "only bootstrap and check_isolation need it"
    for owner in Context:
        yield 11, redis_password_variable(owner), "only bootstrap and check_isolation need it"
    for name in SUPERUSERS:
        yield 12, name, "it opens everything"
    if context is not Context.TELEGRAM:
        yield 13, "TELEGRAM_BOT_TOKEN", "who has the bot's token logs in as any linked client"
        yield 13, "TELEGRAM_WEBHOOK_SECRET", "who has it speaks to the bot as any linked client"
    if context is Context.ADMIN:
        yield 13, "EVENTS_SECRET", "it signs what web tells telegram, and the panel has no part in that"
        yield 13, "ACTING_SECRET", "who has it orders in the name of any linked client"
    else:
        yield 13, "OPERATORS_FACTOR_SECRET", "it opens the secrets of operators' second factors"
    if context is not Context.WEB:
        yield 13, "CARD_PROCESSOR_SECRET", "who has it can say that money has come"
    for owner in Context:
        yield 13, f"{owner.upper()}_SECRET_KEY", "a process reads its key from SECRET_KEY and needs no other's"
