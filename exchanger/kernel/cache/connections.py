"""Redis for less: every thread keeps its own connection, and nothing but the command goes through it."""

import threading
import weakref
from typing import Any

from redis import Redis
from redis.connection import ConnectionInterface, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError


class ThreadPinnedPool(ConnectionPool):
    """Gives a thread the connection that it used last; a second one lives only while the first is in use.

    As redis-py's pool does, it never sends a command twice: a connection that the server has closed is noticed, and
    opened again, before a command is sent, and a command that fails or gets no answer in time raises. After a fork
    the child opens its own. A thread's connection is closed when the thread ends. Neither streaming credentials nor
    client-side caching are supported.

    ``max_connections`` bounds the open connections, one a thread (MaxConnectionsError beyond it).
    """

    def reset(self) -> None:
        """Forget every connection: when made, and in the child after a fork."""
        super().reset()
        self._lock = threading.RLock()  # whoever held it may not exist in the child
        self._mine = threading.local()
        # The base class disconnects, counts and configures what it finds here; the threads are what keeps it alive.
        self._in_use_connections: Any = weakref.WeakSet()

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Any:
        """A connected connection with nothing left to read; the arguments are of redis-py's past, and unused.

        Raises:
            redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: the server cannot be reached.
        """
        self._checkpid()
        connection: Any = self._mine.__dict__.pop("idle", None) or self.make_connection()
        try:
            if connection.is_connected and _is_spent(connection):
                connection.disconnect()
            if not connection.is_connected:
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def make_connection(self) -> ConnectionInterface:
        with self._lock:
            self._created_connections = len(self._in_use_connections)  # threads have ended since the last one was made
            connection = super().make_connection()
            self._in_use_connections.add(connection)
        return connection

    def release(self, connection: Any) -> None:
        """Keep the connection for this thread's next command; close it if the thread has one, or it is a parent's."""
        self._checkpid()
        mine = self._mine.__dict__
        if connection.should_reconnect() or connection.pid != self.pid or "idle" in mine:
            connection.disconnect()
        if connection.pid == self.pid:
            mine.setdefault("idle", connection)


def _is_spent(connection: ConnectionInterface) -> bool:
    """Whether the server has closed the connection, or an answer that nobody waited for is in it."""
    try:
        return bool(connection.can_read())
    except (RedisConnectionError, OSError):
        return True


class LeanClient(Redis):
    """redis-py's client without what it adds around a command, its retries and its telemetry: one command, one answer.

    Pipelines, scripts and subscriptions are redis-py's own.
    """

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Raises redis.exceptions.RedisError: the server is out of reach, too late, or refuses the command."""
        connection: Any = self.connection_pool.get_connection()
        try:
            connection.send_command(*args)
            return self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call]
        finally:
            self.connection_pool.release(connection)
