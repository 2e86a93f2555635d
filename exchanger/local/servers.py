"""Starting, sharing and stopping the local servers.

Whoever uses them holds a shared lock on one file, which the kernel releases even when the process is killed. The last
user to leave, the one that can take the lock for itself, stops them. Servers left behind by a kill are simply found
running by the next user, and stopped by the last.
"""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from exchanger.isolation.cluster import bootstrap
from exchanger.isolation.credentials import Credentials
from exchanger.kernel.contexts import ALIASES
from exchanger.local.environments import BOOTSTRAP, LocalEnvironments
from exchanger.local.paths import LocalPaths, write_private
from exchanger.local.postgres import LocalPostgres
from exchanger.local.valkey import LocalValkey


class LocalServers:
    """The PostgreSQL and the Valkey of one folder."""

    def __init__(self, paths: LocalPaths, *, durable: bool = True, quiet: bool = False) -> None:
        self.paths = paths
        self.postgres = LocalPostgres(paths, durable=durable)
        self.valkey = LocalValkey(paths)
        self.environments = LocalEnvironments(paths)
        self._quiet = quiet
        self._use: IO[str] | None = None

    def acquire(self) -> None:
        """Have both servers running, with roles and users as the code wants them, until ``release``.

        Raises:
            ServerError: a server did not start; the message holds its own words.
        """
        with self._exclusive():
            self._use = self.paths.users.open("w")
            fcntl.flock(self._use, fcntl.LOCK_SH)
            self._start()

    def release(self) -> None:
        """Stop using the servers; the last user stops them."""
        if self._use is None:
            return
        with self._exclusive():
            try:
                fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # others use them still
            else:
                self.stop()
            self._use.close()
            self._use = None

    def stop(self) -> None:
        """Stop both servers, whoever uses them."""
        secrets = self.environments.read(BOOTSTRAP)
        if secrets:
            self.valkey.stop(secrets["REDIS_SUPERUSER_PASSWORD"])
        self.postgres.stop()

    def _start(self) -> None:
        for folder in (self.paths.sockets, self.paths.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environments.generate(self.postgres, self.valkey)
        secrets, credentials = self.environments.read(BOOTSTRAP), self.environments.credentials()
        if not self.postgres.exists():
            self._say("Creating the local PostgreSQL cluster …")
            self.postgres.initialise(secrets["POSTGRES_PASSWORD"])
        if self.postgres.pid() is None:
            self._say("Starting the local PostgreSQL …")
            self.postgres.start()
        self._ensure_bootstrapped(secrets["SUPERUSER_DSN"], credentials)
        if self.valkey.pid() is None:
            self._say("Starting the local Valkey …")
            self.valkey.start(credentials, secrets["REDIS_SUPERUSER_PASSWORD"])

    def _ensure_bootstrapped(self, superuser_dsn: str, credentials: Credentials) -> None:
        """Once for each run of the server, whoever started it: that one may have been killed before this."""
        run, done = self.postgres.run(), self.paths.root / "bootstrapped"
        if not done.exists() or done.read_text() != run:
            bootstrap(dict.fromkeys(ALIASES, superuser_dsn), credentials)
            write_private(done, run)

    def _say(self, line: str) -> None:
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One process at a time starts or stops."""
        self.paths.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self.paths.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
