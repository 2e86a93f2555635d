"""Jobs of workers that died are given back, whatever has been queued since."""

import time

import pytest
from procrastinate.contrib.django import app

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import WorkerProcess

pytestmark = pytest.mark.context("web")
WAIT_SECONDS = 60
RECONCILE = "payments.reconcile"
BEGUN = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id)
VALUES ('default', %s, %s, %s, '{"timestamp": 0}', 'doing', %s) RETURNING id
"""


@pytest.fixture
def dead_worker(world):
    """The number of a worker that died an hour ago."""
    dead = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
    return world.superuser("web").execute(dead).fetchone()[0]


@pytest.fixture
def worker(world):
    """Starts a worker of web's; it is gone after the test."""
    running = []

    def start():
        running.append(WorkerProcess(Context.WEB, world.environments, world.paths.logs / "stalled.log"))
        return running[0]

    yield start
    for process in running:
        process.stop()


def test_a_dead_workers_job_keeps_neither_its_next_run_out_nor_others_from_being_given_back(world, dead_worker, worker):
    web = world.superuser("web")
    (dead,) = web.execute(BEGUN, (RECONCILE, RECONCILE, RECONCILE, dead_worker)).fetchone()
    (behind,) = web.execute(BEGUN, ("orders.expire", None, None, dead_worker)).fetchone()
    queued = app.configure_task(RECONCILE, lock=RECONCILE, queueing_lock=RECONCILE).defer(timestamp=60)
    app.configure_task("jobs.retry_stalled").defer(timestamp=0)
    process = worker()
    statuses = {}
    deadline = time.monotonic() + WAIT_SECONDS
    while not statuses.get(behind) == statuses.get(queued) == "succeeded":
        assert time.monotonic() < deadline, f"{statuses}\n{process.log.read_text()}"
        time.sleep(0.05)
        statuses = dict(web.execute("SELECT id, status::text FROM procrastinate_jobs").fetchall())
    assert dead not in statuses
    assert "failed" not in statuses.values()
