from argparse import ArgumentParser
from typing import Any

import psycopg
import redis
from django.core.management.base import BaseCommand, CommandError

from exchanger.environment import Environment
from exchanger.isolation.attempts import passwords, report
from exchanger.isolation.attempts.check import try_everything
from exchanger.isolation.attempts.deployment import Deployment
from exchanger.isolation.attempts.throwaway import CheckDisturbedError


class Command(BaseCommand):
    help = (
        "Log in as every PostgreSQL role and Redis user, try everything that is forbidden and everything that is "
        "allowed, and fail if one forbidden thing got through or one allowed thing was refused. Harmless on a live "
        "system. Reads *_DATABASE_URL and REDIS_URL (for the places) and the passwords that bootstrap reads."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="Print only the summary and the breaches.")

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.from_environment(Environment())
        try:
            results = try_everything(deployment)
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL cannot be checked: {str(error).partition(chr(10))[0]}") from error
        except redis.RedisError as error:
            raise CommandError(f"Redis cannot be checked: {error}") from error
        except CheckDisturbedError as error:
            raise CommandError(str(error)) from error
        if not options["quiet"]:
            self.stdout.writelines(f"{line}\n" for line in report.table(results))
            self.stdout.write()
        self.stdout.write(report.summary(results))
        if any(result.breach for result in results):
            self.stdout.writelines(f"{line}\n" for line in report.breaches(results))
            if any(result.breach and result.section == passwords.SECTION for result in results):
                raise CommandError("A login is open without its password, so no further attempt would prove anything.")
            raise CommandError("The isolation is breached.")
