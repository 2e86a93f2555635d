from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError
from django.utils import timezone
from psycopg.errors import UndefinedTable

from exchanger.demo.refused import DemoRefused, require_local_databases, require_maintenance


class Command(BaseCommand):
    help = (
        "Fill the four databases with 90 days of demo data. Running it again changes nothing that is there, "
        "and adds the rates of the days since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="Even where a database is not on this machine. The demo's logins have a known password.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_maintenance()
            if not options["force"]:
                require_local_databases()
            self._seed()
        except (DemoRefused, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(f"A database did not answer: {error}".strip()) from error
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable):
                raise CommandError("A table is missing: run manage.py migrate first.") from error
            raise

    def _seed(self) -> None:
        from exchanger.demo.seed import seed  # brings Faker along, which a refused run need not wait for

        added = 0
        for progress in seed(now=timezone.now()):
            self.stdout.write(f"  {progress.alias:<8} {progress.added:>6,} {progress.what}")
            added += progress.added
        self.stdout.write(f"Demo data: {added:,} rows added." if added else "Demo data: all there already.")
