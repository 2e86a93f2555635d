"""The import as its operator runs it: a process of its own, watched, and killed where the rehearsal wants it."""

import io
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from django.core.management import CommandError, call_command

from bench.migrating.raw import scalar
from exchanger.kernel.contexts import ALIASES
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment
from exchanger.testing.servers import TestServers

WATCHED_EACH = 0.02  # seconds
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

    def run(self, *arguments: str, kill_at: int | None = None) -> Ran:
        """Run it to its end, or kill it with SIGKILL once it has read ``kill_at`` rows in all its runs."""
        log = self.servers.paths.logs / "import_legacy.log"
        environment = {**process_environment(None, self.servers.environments), "PGPASSWORD": self.password}
        peak, killed_at, start = 0, None, time.perf_counter()
        with (
            log.open("w") as output,
            subprocess.Popen(
                [sys.executable, "manage.py", "import_legacy", *arguments],
                cwd=CHECKOUT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            while process.poll() is None:
                peak = max(peak, _peak(process.pid))
                if kill_at is not None and (read := self.rows_read()) >= kill_at:
                    process.kill()
                    killed_at = read
                    break
                time.sleep(WATCHED_EACH)
        seconds = time.perf_counter() - start
        return Ran(seconds, peak, process.returncode, log.read_text(), killed_at)

    def take(self, *arguments: str, kill_at: int | None = None) -> Ran:
        """Import from the old database, or verify what was."""
        return self.run("--source", self.source, *arguments, kill_at=kill_at)

    def here(self, *command: str) -> Ran:
        """Another command of manage.py, in this process: what it holds is not told."""
        output, status, start = io.StringIO(), 0, time.perf_counter()
        try:
            call_command(*command, stdout=output)
        except CommandError as error:
            output.write(str(error))
            status = error.returncode
        return Ran(time.perf_counter() - start, 0, status, output.getvalue(), None)

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
