from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from identity import session_rows
from identity.sessions import PURGE_BATCH


class Command(BaseCommand):
    help = (
        "Delete expired sessions in batches that hold no lock for long and skip rows that somebody holds. "
        "A context's process reaches its own; the owner reaches all. The workers do it each hour by themselves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=PURGE_BATCH, help="Rows per statement.")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        total = 0
        while purged := session_rows.purge_expired(batch):
            total += purged
            self.stdout.write(f"  {total:,} expired sessions deleted", ending="\r" if self.stdout.isatty() else "\n")
        self.stdout.write(f"{total:,} expired sessions deleted.")
