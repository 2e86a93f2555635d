from pathlib import Path
from typing import Any

import psycopg
import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanger.environment import Environment
from exchanger.isolation.acl import acl_file, set_users
from exchanger.isolation.cluster import bootstrap
from exchanger.isolation.credentials import read_credentials
from exchanger.kernel.contexts import ALIASES
from exchanger.local.paths import write_private


class Command(BaseCommand):
    help = (
        "Create the databases, the owner, one login per context and the Redis users, or correct what is there. "
        "Passwords come from EXCHANGER_*_PASSWORD and EXCHANGER_REDIS_*_PASSWORD. Running it again changes nothing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--superuser-dsn",
            action="append",
            default=[],
            metavar="[ALIAS=]DSN",
            help="A superuser's postgresql:// URL (or SUPERUSER_DSN); with ALIAS= for that database's own server.",
        )
        parser.add_argument("--redis-url", help="Redis as a user who may run ACL (or REDIS_SUPERUSER_URL).")
        parser.add_argument("--write-acl-file", type=Path, help="Write the users to this file instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        env = Environment()
        credentials = read_credentials(env)
        dsns = _by_alias(options["superuser_dsn"] or env.names("SUPERUSER_DSN"))
        redis_url = options["redis_url"] or env.text("REDIS_SUPERUSER_URL")
        if not dsns and not redis_url and not options["write_acl_file"]:
            raise CommandError("Nothing to do: give --superuser-dsn, and --redis-url or --write-acl-file.")
        try:
            if dsns:
                self._report(bootstrap(dsns, credentials))
            if options["write_acl_file"]:
                write_private(options["write_acl_file"], acl_file(credentials))
                self._report([f"{options['write_acl_file']}: written"])
            elif redis_url:
                self._report(set_users(redis_url, credentials))
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refused: {error}".strip()) from error
        except redis.RedisError as error:
            raise CommandError(f"Redis refused: {error}") from error

    def _report(self, lines: list[str]) -> None:
        for line in lines:
            self.stdout.write(f"  {line}")


def _by_alias(values: list[str]) -> dict[str, str]:
    everywhere = [value for value in values if "://" in value.partition("=")[0] or "=" not in value]
    own = dict(value.split("=", 1) for value in values if value not in everywhere)
    if unknown := set(own) - set(ALIASES):
        raise CommandError(f"No such database: {', '.join(sorted(unknown))}. There are {', '.join(ALIASES)}.")
    dsns = {alias: own.get(alias) or (everywhere[0] if everywhere else "") for alias in ALIASES}
    if values and not all(dsns.values()):
        raise CommandError("Give one --superuser-dsn for all databases, or one ALIAS=DSN for each.")
    return dsns if values else {}
