import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from exchanger.kernel.contexts import IDENTITY
from identity import session_rows
from identity.management.batches import Progress, finishing_the_batch
from identity.sessions import PURGE_BATCH

# The planner's guess: at once, and good to a few percent. Counting would read every one of them.
_ESTIMATE = "EXPLAIN (FORMAT JSON) SELECT FROM sessions WHERE expires_at <= now()"


class Command(BaseCommand):
    help = (
        "Delete expired sessions in batches that hold no lock for long and skip rows that somebody holds. "
        "Each batch is a transaction of its own, so it can be stopped and started again at any time; several at once "
        "share the work. A context's process reaches its own; the owner reaches all. "
        "The workers do it each hour by themselves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=_positive, default=PURGE_BATCH, help="Rows per statement (%(default)s).")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        progress = Progress(self.stdout, _estimate(), things="expired sessions", done="deleted")
        with finishing_the_batch() as stopped:
            while not stopped.is_set() and (purged := session_rows.purge_expired(batch)):
                progress.add(purged)
            self.stdout.write(progress.summary())


def _estimate() -> int:
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_ESTIMATE)
        ((plan,),) = cursor.fetchall()
    return int(plan[0]["Plan"]["Plan Rows"])


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a batch holds at least one row")
    return number
