import os
from collections.abc import Callable
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.worker import Worker

from exchanger.kernel.contexts import current_or_none

CONCURRENCY = 4


def with_live_connections(run_job: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
    """Django renews its connections between requests, and a worker has none: a lost one would fail every later job."""
    close_old_connections()
    try:
        return run_job()
    finally:
        close_old_connections()


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
                name=f"{context}-{os.getpid()}",
                concurrency=CONCURRENCY,
                install_signal_handlers=True,
                task_middleware=[with_live_connections],
            )
