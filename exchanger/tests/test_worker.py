"""A context's worker, as a process of its own: it runs what is scheduled, under its own login, and ends when told."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest

from exchanger.kernel.contexts import SPECS, Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.jobs import queue_scheduled
from exchanger.testing.processes import WorkerProcess, process_environment
from exchanger.testing.waiting import until
from identity.tests.factories import UserFactory

WAIT_SECONDS = 60


@pytest.mark.parametrize("context", list(Context))
def test_a_worker_drops_what_a_crashed_process_left_in_redis(context, world):
    user, identity = UserFactory(), world.superuser("identity")
    key = f"identity:user:{context}:{user.pk}"
    with world.redis() as redis:
        redis.set(key, "{}")
    identity.execute("INSERT INTO cache_invalidations (key) VALUES (%s)", (key,))
    log = world.paths.logs / f"worker-{context}.log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=CHECKOUT,
            env=process_environment(context, world.environments),
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: not pending(identity), worker, log)
    finally:
        worker.terminate()
        assert worker.wait(timeout=30) == 0, log.read_text()
    with world.redis() as redis:
        assert not redis.exists(key)
    queue = world.superuser(SPECS[context].alias)
    assert ("cache.replay", "succeeded") in queue.execute("SELECT task_name, status FROM procrastinate_jobs").fetchall()


def pending(connection):
    return connection.execute("SELECT count(*) FROM cache_invalidations").fetchone()[0]


def wait_for(condition, worker, log):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert worker.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


ENDED = """
WITH job AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
    VALUES ('default', 'cache.replay', '{}', %(status)s::text::procrastinate_job_status) RETURNING id
), ended AS (
    INSERT INTO procrastinate_events (job_id, type, at)
    SELECT id, %(status)s::text::procrastinate_job_event_type, now() - %(ago)s FROM job
)
SELECT id FROM job
"""


@pytest.mark.parametrize("context", list(Context))
def test_jobs_that_are_over_are_forgotten_and_those_that_failed_stay_for_longer(context, world):
    queue = world.superuser(SPECS[context].alias)

    def ended(status, **ago):
        return queue.execute(ENDED, {"status": status, "ago": timedelta(**ago)}).fetchone()[0]

    def there():
        return {job for (job,) in queue.execute("SELECT id FROM procrastinate_jobs").fetchall()}

    kept = {ended("succeeded", hours=71), ended("failed", hours=73), ended("failed", days=29)}
    forgotten = {ended("succeeded", hours=73), ended("failed", days=31)}
    queue_scheduled(queue, "jobs.forget_finished")
    worker = WorkerProcess(context, world.environments, world.paths.logs / f"forgets-{context}.log")
    try:
        until(lambda: not there() & forgotten, worker.log.read_text, seconds=WAIT_SECONDS)
    finally:
        worker.stop()
    assert kept <= there()


def test_a_process_without_a_context_runs_no_jobs(world):
    done = subprocess.run(
        [sys.executable, "manage.py", "worker"],
        cwd=CHECKOUT,
        env=process_environment(None, world.environments),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "EXCHANGER_CONTEXT" in done.stderr
    assert "Traceback" not in done.stderr
