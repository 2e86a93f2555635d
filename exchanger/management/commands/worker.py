import os
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from exchanger.kernel.contexts import current_or_none

CONCURRENCY = 4


class Command(BaseCommand):
    help = "Run this context's background jobs until it is told to stop; any number of workers share the queue."

    def handle(self, *args: Any, **options: Any) -> None:
        context = current_or_none()
        if context is None:
            raise CommandError("A worker has one context: set EXCHANGER_CONTEXT to web, admin or telegram.")
        connector = cast(DjangoConnector, app.connector).get_worker_connector()
        self.stdout.write(f"worker of context {context}: started")
        with app.replace_connector(connector) as worker_app:
            worker_app.run_worker(
                name=f"{context}-{os.getpid()}", concurrency=CONCURRENCY, install_signal_handlers=True
            )
