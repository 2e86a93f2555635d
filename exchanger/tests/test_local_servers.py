"""The local servers: shared by whoever uses them, stopped by the last, found again after a kill, in any path."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from exchanger.kernel.contexts import ALIASES, database_name
from exchanger.local.environments import BOOTSTRAP
from exchanger.local.paths import CHECKOUT, SOCKET_PATH_LIMIT, LocalPaths
from exchanger.local.servers import LocalServers
from exchanger.testing.waiting import until

USE_THEN_WAIT = """
import sys
from pathlib import Path
from exchanger.local.paths import LocalPaths
from exchanger.local.servers import LocalServers
servers = LocalServers(LocalPaths(Path(sys.argv[1])), durable=False, quiet=True)
servers.acquire()
print("ready", flush=True)
sys.stdin.readline()
servers.release()
"""


@pytest.fixture(scope="module")
def root():
    """A path with a space and a quote in it, too long for a socket, that the service user of root can reach."""
    with tempfile.TemporaryDirectory(prefix="exchanger-local-") as parent:
        root = Path(parent) / "it's a long folder name, with spaces in it, and more of them" / ".local"
        yield root
        LocalServers(LocalPaths(root), quiet=True).stop()
        shutil.rmtree(LocalPaths(root).sockets, ignore_errors=True)


def begin(root):
    return subprocess.Popen(
        [sys.executable, "-c", USE_THEN_WAIT, str(root)], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def use(root):
    process = begin(root)
    assert process.stdout.readline() == b"ready\n"
    return process


def leave(process):
    process.communicate(b"\n", timeout=30)


def pids(root):
    servers = LocalServers(LocalPaths(root))
    return servers.postgres.pid(), servers.valkey.pid()


def initdbs(root):
    """Those that have outlived who began them."""
    running = (process.info["cmdline"] or [""] for process in psutil.process_iter(["cmdline"]))
    return [line for line in running if Path(line[0]).name == "initdb" and str(root) in " ".join(line)]


def is_alive(pid):
    """An ended process that nobody has collected yet is not alive."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_two_users_share_the_servers_and_the_last_one_stops_them(root):
    first, second = use(root), use(root)
    running = pids(root)
    assert None not in running
    leave(first)
    assert pids(root) == running
    leave(second)
    assert pids(root) == (None, None)


def test_what_a_killed_user_leaves_running_is_used_and_stopped_by_the_next(root):
    killed = use(root)
    running = pids(root)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert pids(root) == running
    leave(use(root))
    assert pids(root) == (None, None)


@pytest.mark.parametrize("begun", ["postgres*/PG_VERSION", "postgres/postmaster.pid"])
def test_who_is_killed_while_making_the_servers_keeps_nobody_from_using_them(begun):
    with tempfile.TemporaryDirectory(prefix="exchanger-local-", ignore_cleanup_errors=True) as parent:
        root = Path(parent) / ".local"
        killed = begin(root)
        until(lambda: any(root.glob(begun)))
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        try:
            process = use(root)
            owner = LocalServers(LocalPaths(root)).environments.for_process("")["WEB_DATABASE_URL"]
            with psycopg.connect(owner) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("exchanger_owner",)
            leave(process)
            until(lambda: not initdbs(root))
        finally:
            LocalServers(LocalPaths(root), quiet=True).stop()
        assert not list(root.glob("postgres-unfinished-*"))


def test_the_data_and_the_passwords_outlive_a_restart_and_are_for_their_user_only(root):
    process = use(root)
    environments = LocalServers(LocalPaths(root)).environments
    before = environments.read(BOOTSTRAP)
    with psycopg.connect(environments.for_process("")["WEB_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 7 AS number")
    leave(process)
    process = use(root)
    assert environments.read(BOOTSTRAP) == before
    with psycopg.connect(environments.for_process("")["WEB_DATABASE_URL"]) as owner:
        assert owner.execute("SELECT number FROM kept").fetchone() == (7,)
    leave(process)
    for file in (root / "env").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((root / "env").stat().st_mode) == 0o700


def test_nobody_logs_in_without_the_password_not_even_locally(root):
    process = use(root)
    servers = LocalServers(LocalPaths(root))
    for role in ("postgres", "exchanger_owner", "exchanger_web"):
        for password in ("", "wrong"):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(servers.postgres.url(role, password, database_name(ALIASES[0])))
    leave(process)


def test_a_path_too_long_for_a_socket_gets_a_short_folder_for_it(root):
    paths = LocalPaths(root)
    assert len(os.fsencode(paths.root / "run" / ".s.PGSQL.5432.lock")) > SOCKET_PATH_LIMIT
    assert len(os.fsencode(paths.sockets / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_LIMIT


def test_a_reset_deletes_the_data_and_leaves_nothing_running(root):
    killed = use(root)
    running = pids(root)
    killed.kill()
    killed.communicate()
    done = subprocess.run(
        [sys.executable, "manage.py", "reset", "--yes"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "EXCHANGER_LOCAL_DIR": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "Deleted. The next make up starts over.\n"
    assert not root.exists()
    assert not any(is_alive(pid) for pid in running)
