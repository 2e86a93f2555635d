"""The import as its operator runs it: a process of its own, watched, and killed where the rehearsal wants it."""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.core.management import CommandError, call_command

from bench.migrating.raw import scalar
from exchanger.kernel.contexts import ALIASES
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment
from exchanger.testing.servers import TestServers

WATCHED_EACH = 0.02  # seconds
_WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'transactions'::regclass AND NOT granted)"
_READ = "SELECT coalesce(sum(read), 0) FROM legacy.chunks"


@dataclass(frozen=True, slots=True)
class Ran:
    """``killed_at`` is how many rows had been read when it was killed, None where it ended by itself.

    ``peak`` is the most memory that the process held, in bytes; 0 where that is not known.
    """

    seconds: float
    peak: int
    status: int
    output: str
    killed_at: int | None

    @property
    def last_line(self) -> str:
        return (self.output.strip().splitlines() or [""])[-1]


@dataclass(frozen=True, slots=True)
class Importer:
    """``manage.py import_legacy`` from one old database, whose password is in the environment alone."""

    servers: TestServers
    source: str
    password: str

    def take(self, *arguments: str, kill_at: int | None = None) -> Ran:
        """Run it to its end, or kill it with SIGKILL once all its runs together have read ``kill_at`` rows.

        However fast it is, it is killed before it has booked the payments.
        """
        log = self.servers.paths.logs / "import_legacy.log"
        environment = {**process_environment(None, self.servers.environments), "PGPASSWORD": self.password}
        peak, killed_at, start = 0, None, time.perf_counter()
        with (
            nullcontext() if kill_at is None else self._held_up(),
            log.open("w") as output,
            subprocess.Popen(
                [sys.executable, "manage.py", "import_legacy", "--source", self.source, *arguments],
                cwd=CHECKOUT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            while process.poll() is None:
                peak = max(peak, _peak(process.pid))
                if kill_at is not None and (killed_at := self._due(kill_at)) is not None:
                    process.kill()
                    break
                time.sleep(WATCHED_EACH)
        seconds = time.perf_counter() - start
        return Ran(seconds, peak, process.returncode, log.read_text(), killed_at)

    def here(self, *command: str) -> Ran:
        """Another command of manage.py, in this process: what it holds is not told."""
        output, status, start = io.StringIO(), 0, time.perf_counter()
        try:
            call_command(*command, stdout=output)
        except CommandError as error:
            output.write(str(error))
            status = error.returncode
        return Ran(time.perf_counter() - start, 0, status, output.getvalue(), None)

    @contextmanager
    def _held_up(self) -> Iterator[None]:
        """Nobody writes to the ledger inside the block: whoever wants to waits."""
        info = self.servers.superuser("web").info
        with psycopg.connect(info.dsn, password=info.password) as holder:
            holder.execute("LOCK TABLE transactions IN EXCLUSIVE MODE")
            yield

    def _due(self, kill_at: int) -> int | None:
        """How many rows have been read, if that is enough, or if it waits; else None."""
        read = self.rows_read()
        return read if read >= kill_at or scalar(self.servers.superuser("web"), _WAITS) else None

    def rows_read(self) -> int:
        """How far all runs have come, by their own records; 0 before the first chunk."""
        return sum(
            int(scalar(superuser, _READ))
            for superuser in map(self.servers.superuser, ALIASES)
            if scalar(superuser, "SELECT to_regclass('legacy.chunks') IS NOT NULL")
        )


def _peak(pid: int) -> int:
    """The most memory that a process has held so far, in bytes; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024
