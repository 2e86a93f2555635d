"""Real workers of the admin context, and waiting for what they do."""

import psycopg

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import WorkerProcess
from exchanger.testing.waiting import until

WAIT_SECONDS = 90
WAITING = "SELECT {} FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
"""Statements that wait for a lock; what is selected of them goes into the braces."""


def connected(superuser):
    """Another connection to the same place, whose transaction ends with the block."""
    return psycopg.connect(superuser.info.dsn, password=superuser.info.password)


class Workers:
    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.started = []

    def start(self):
        log = self.world.paths.logs / f"{self.name}-{len(self.started)}.log"
        self.started.append(WorkerProcess(Context.ADMIN, self.world.environments, log))
        return self.started[-1]

    def wait_for(self, condition):
        until(condition, self.logs, seconds=WAIT_SECONDS)

    def close(self):
        for worker in self.started:
            if worker.process.poll() is None:
                worker.kill()

    def logs(self):
        return "\n".join(worker.log.read_text() for worker in self.started)
