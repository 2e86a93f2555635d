"""The job engine inside a test process: the queue of the context that it is bound to, run until it is empty."""

from collections.abc import Callable
from typing import Any, cast

import psycopg
from django.db import connections
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.worker import Worker

_QUEUE = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('default', %s, 0, NULL, NULL, '{"timestamp": 0}', NULL)::procrastinate_job_to_defer_v1
])
"""


def queue_scheduled(connection: psycopg.Connection[Any], task: str) -> None:
    """Queue a task as its schedule would, in the database that ``connection`` is to."""
    connection.execute(_QUEUE, [task])


def give_back_stalled(connection: psycopg.Connection[Any]) -> None:
    """What the schedule does two minutes after the workers that there are died: start one that is to live after it."""
    connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    queue_scheduled(connection, "jobs.retry_stalled")


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
