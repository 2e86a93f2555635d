"""The servers of one test process: made in a temporary folder, thrown away at its end, swept if it was killed."""

import atexit
import fcntl
import shutil
import tempfile
from pathlib import Path

import psycopg
import redis

from exchanger.kernel.contexts import ALIASES, database_name
from exchanger.local.environments import BOOTSTRAP
from exchanger.local.paths import LocalPaths
from exchanger.local.servers import LocalServers

_PREFIX = "exchanger-test-"
_KEPT = ("django_migrations", "django_content_type", "auth_permission")


class TestServers(LocalServers):
    """A PostgreSQL and a Valkey of this process alone."""

    __test__ = False

    def __init__(self) -> None:
        sweep()
        root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        super().__init__(LocalPaths(root), durable=False, quiet=True)
        self.environments.generate(self.postgres, self.valkey)
        self._superuser: dict[str, psycopg.Connection] = {}
        self._tables: dict[str, str] = {}
        self._emptier: redis.Redis | None = None
        atexit.register(self.destroy)

    def destroy(self) -> None:
        for connection in self._superuser.values():
            connection.close()
        if self._emptier is not None:
            self._emptier.close()
        self.release()
        shutil.rmtree(self.paths.root, ignore_errors=True)
        if self.paths.sockets.parent != self.paths.root:
            shutil.rmtree(self.paths.sockets, ignore_errors=True)

    def superuser(self, alias: str) -> psycopg.Connection:
        """PostgreSQL's superuser in an alias's database, in autocommit: for tests that must see or bend everything."""
        connection = self._superuser.get(alias)
        if connection is None or connection.closed:
            dsn = self.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
            connection = psycopg.connect(dsn, dbname=database_name(alias), autocommit=True)
            self._superuser[alias] = connection
        return connection

    def redis(self) -> redis.Redis:
        """Valkey as a user who may do anything."""
        return redis.Redis.from_url(self.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_URL"])

    def empty(self) -> None:
        """No row and no key left, whatever triggers and roles say; the schema stays."""
        for alias in ALIASES:
            self.superuser(alias).execute(self._emptying(alias))
        self._emptier = self._emptier or self.redis()
        self._emptier.flushall()

    def _emptying(self, alias: str) -> str:
        if alias not in self._tables:
            found = self.superuser(alias).execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = [name for (name,) in found if name not in _KEPT]
            deletes = "".join(f"DELETE FROM {table};" for table in tables)
            self._tables[alias] = f"SET session_replication_role = replica; {deletes} RESET session_replication_role"
        return self._tables[alias]


def sweep() -> None:
    """Stop and remove what killed test processes left behind; whoever lives holds a lock, and is left alone."""
    for root in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        users = root / "users.lock"
        if not users.exists():
            continue
        with users.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            LocalServers(LocalPaths(root), quiet=True).stop()
            shutil.rmtree(root, ignore_errors=True)
