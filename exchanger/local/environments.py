"""The environment of each local process, generated once into files that only their user can read.

A process gets the file of its own context, as in production: the web process never holds the admin's password.
"""

import os
import secrets
from pathlib import Path

from dotenv import dotenv_values

from exchanger.environment import database_variable
from exchanger.isolation.credentials import (
    Credentials,
    login_roles,
    password_variable,
    redis_password_variable,
)
from exchanger.kernel.contexts import ALIASES, OWNER_ROLE, SPECS, Context, database_name
from exchanger.local.paths import LocalPaths, write_private
from exchanger.local.postgres import SUPERUSER as POSTGRES_SUPERUSER
from exchanger.local.postgres import LocalPostgres
from exchanger.local.valkey import SUPERUSER as REDIS_SUPERUSER
from exchanger.local.valkey import LocalValkey

MAINTENANCE = "maintenance"
BOOTSTRAP = "bootstrap"
CARD_PROCESSOR = "card-processor"
CARD_PROCESSOR_PORT = SPECS[Context.WEB].port + len(SPECS)  # after the applications'

# What whoever runs it may say of their bot at Telegram; for the telegram processes alone.
BOT_TOKEN, WEBHOOK_SECRET = "TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET"
BOT_SECRETS = (BOT_TOKEN, WEBHOOK_SECRET)


class LocalEnvironments:
    """``.local/env/*.env``: bootstrap (every password), maintenance (the owner), each context's, the processor's."""

    def __init__(self, paths: LocalPaths) -> None:
        self.paths = paths

    def read(self, name: str) -> dict[str, str]:
        """The variables of one file; empty before ``generate``."""
        return {key: value or "" for key, value in dotenv_values(self._file(name), interpolate=False).items()}

    def for_process(self, context: str) -> dict[str, str]:
        """What a process of ``context`` ("" for maintenance) runs with."""
        return self.read(context or MAINTENANCE)

    def inherited(self) -> dict[str, str]:
        """What every process gets of our own environment: nothing that one of the files says, nor the bot's secrets."""
        ours = {name for each in ("", *Context) for name in self.for_process(each)}
        return {name: value for name, value in os.environ.items() if name not in {*ours, *BOT_SECRETS}}

    def credentials(self) -> Credentials:
        values = self.read(BOOTSTRAP)
        return Credentials(
            roles={role: values[password_variable(role)] for role in login_roles()},
            redis={context: values[redis_password_variable(context)] for context in Context},
        )

    def generate(self, postgres: LocalPostgres, valkey: LocalValkey) -> None:
        """Make the passwords where there are none, and write each process's file from them."""
        self.paths.environments.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = self.read(BOOTSTRAP)
        names = [
            "POSTGRES_PASSWORD",
            "REDIS_SUPERUSER_PASSWORD",
            *(password_variable(role) for role in login_roles()),
            *(redis_password_variable(context) for context in Context),
            *(f"{context.upper()}_SECRET_KEY" for context in Context),
            *(f"{context.upper()}_METRICS_TOKEN" for context in Context),
            "EVENTS_SECRET",
            "ACTING_SECRET",
            "CARD_PROCESSOR_SECRET",
            "OPERATORS_FACTOR_SECRET",
        ]
        made = {name: known.get(name) or secrets.token_urlsafe(40) for name in names}
        superuser = {
            "SUPERUSER_DSN": postgres.url(POSTGRES_SUPERUSER, made["POSTGRES_PASSWORD"], "postgres"),
            "REDIS_SUPERUSER_URL": valkey.url(REDIS_SUPERUSER, made["REDIS_SUPERUSER_PASSWORD"]),
            "REDIS_URL": valkey.url("anyone", "none"),
        }
        owner = {
            database_variable(alias): postgres.url(
                OWNER_ROLE, made[password_variable(OWNER_ROLE)], database_name(alias)
            )
            for alias in ALIASES
        }
        static = {"STATIC_ROOT": str(self.paths.static)}
        self._write(BOOTSTRAP, {**made, **superuser})
        self._write(MAINTENANCE, {**owner, **static})
        self._write(CARD_PROCESSOR, {"CARD_PROCESSOR_SECRET": made["CARD_PROCESSOR_SECRET"]})
        for context, spec in SPECS.items():
            urls = {
                database_variable(alias): postgres.url(
                    spec.role, made[password_variable(spec.role)], database_name(alias)
                )
                for alias in spec.aliases
            }
            self._write(
                context,
                {
                    "EXCHANGER_CONTEXT": context,
                    "SECRET_KEY": made[f"{context.upper()}_SECRET_KEY"],
                    "METRICS_TOKEN": made[f"{context.upper()}_METRICS_TOKEN"],
                    "ALLOWED_HOSTS": "127.0.0.1,localhost",
                    "SECURE_COOKIES": "false",
                    "SECURE_HSTS_SECONDS": "0",
                    **urls,
                    **_events(context, made["EVENTS_SECRET"]),
                    **_acting(context, made["ACTING_SECRET"]),
                    **_cards(context, made["CARD_PROCESSOR_SECRET"]),
                    **({"REPORTS_ROOT": str(self.paths.reports)} if context is Context.ADMIN else {}),
                    **_operators(context, made["OPERATORS_FACTOR_SECRET"]),
                    "REDIS_URL": valkey.url(context, made[redis_password_variable(context)]),
                    **static,
                },
            )

    def _file(self, name: str) -> Path:
        return self.paths.environments / f"{name}.env"

    def _write(self, name: str, values: dict[str, str]) -> None:
        write_private(self._file(name), "".join(f"{key}={_quoted(value)}\n" for key, value in values.items()))


def _events(context: Context, secret: str) -> dict[str, str]:
    """What web signs its events with, and where it brings them."""
    match context:
        case Context.WEB:
            url = f"http://127.0.0.1:{SPECS[Context.TELEGRAM].port}"
            return {"EVENTS_SECRET": secret, "TELEGRAM_INTERNAL_URL": url}
        case Context.TELEGRAM:
            return {"EVENTS_SECRET": secret}
        case Context.ADMIN:
            return {}


def _acting(context: Context, secret: str) -> dict[str, str]:
    """What the bot signs its requests to web with, and where it brings them."""
    match context:
        case Context.WEB:
            return {"ACTING_SECRET": secret}
        case Context.TELEGRAM:
            return {"ACTING_SECRET": secret, "WEB_INTERNAL_URL": f"http://127.0.0.1:{SPECS[Context.WEB].port}"}
        case Context.ADMIN:
            return {}


def _cards(context: Context, secret: str) -> dict[str, str]:
    """Where web finds the sandbox of a card processor."""
    if context is not Context.WEB:
        return {}
    return {"CARD_PROCESSOR_URL": f"http://127.0.0.1:{CARD_PROCESSOR_PORT}", "CARD_PROCESSOR_SECRET": secret}


def _operators(context: Context, secret: str) -> dict[str, str]:
    """A demo operator comes in by password alone; whoever sets a second factor up is asked for it here too."""
    if context is not Context.ADMIN:
        return {}
    return {"OPERATORS_SECOND_FACTOR": "false", "OPERATORS_FACTOR_SECRET": secret}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
