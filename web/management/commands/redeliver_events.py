from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from web.services.events import events_redeliver


class Command(BaseCommand):
    help = "Bring the telegram process again what it has accepted since a moment: after its database was restored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", required=True, help="the moment, as 2026-11-23T09:00; UTC unless it says else")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            since = datetime.fromisoformat(options["since"])
        except ValueError as error:
            raise CommandError(f"--since: {error}") from error
        if timezone.is_naive(since):
            since = timezone.make_aware(since, timezone.get_default_timezone())
        self.stdout.write(f"{events_redeliver(since=since)} events wait again; the workers bring them within minutes.")
