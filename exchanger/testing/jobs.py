"""The job engine inside a test process: the queue of the context that it is bound to, run until it is empty."""

from collections.abc import Callable
from typing import Any, cast

from django.db import connections
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.worker import Worker


def run_jobs() -> None:
    """Do what a worker would do now; jobs that are scheduled for later, retries among them, stay."""
    connector = cast(DjangoConnector, app.connector).get_worker_connector()
    with app.replace_connector(connector) as worker_app:
        worker_app.run_worker(
            wait=False,
            listen_notify=False,
            install_signal_handlers=False,
            task_middleware=[_close_connections],
        )


def _close_connections(call_next: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
    """The thread that runs a job ends with the worker, and its connections with it."""
    try:
        return call_next()
    finally:
        connections.close_all()
