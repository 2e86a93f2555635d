"""Redis for less: every thread keeps its own connection, and a plain command costs one send and one read on it."""

import os
import socket
import ssl
import struct
import threading
import weakref
from functools import cache
from typing import Any, cast

import hiredis
from redis import Redis
from redis.client import NEVER_DECODE
from redis.connection import AbstractConnection, Connection, ConnectionInterface, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

RECEIVE_BYTES = 65536


class LeanConnection(AbstractConnection):
    """What is added to redis-py's connections, of whichever kind: ``exchange``, and timeouts kept by the kernel.

    Python's own timeouts poll before each send and each read; a socket that the kernel times needs neither. A TLS
    socket keeps Python's, since OpenSSL would take the kernel's for an error.
    """

    settled = False  # the last to use it was ``exchange``, which leaves nothing behind to be read

    def _connect(self) -> Any:
        sock: Any = super()._connect()  # type: ignore[no-untyped-call,safe-super]
        if not isinstance(sock, ssl.SSLSocket) and sock.gettimeout() is not None:
            seconds, rest = divmod(sock.gettimeout(), 1)
            limit = struct.pack("ll", int(seconds), int(rest * 1_000_000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            sock.settimeout(None)
        self._answers = hiredis.Reader(protocolError=InvalidResponse, replyError=self._parser.parse_error)
        return sock

    def exchange(self, command: bytes) -> Any:
        """Send a packed command and return its answer; an error that the server answers is returned, not raised.

        Raises:
            redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: there is no answer, and no connection now.
        """
        sock: Any = self._sock
        self.settled = False
        if sock is None:
            raise RedisConnectionError("The connection was closed by another thread")
        try:
            sock.sendall(command)
            answer = False
            while answer is False:
                received = sock.recv(RECEIVE_BYTES)
                if not received:
                    raise ConnectionResetError("The server closed the connection")  # noqa: TRY301
                self._answers.feed(received)
                answer = self._answers.gets()
        except (TimeoutError, BlockingIOError) as error:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise RedisTimeoutError("No answer in time") from error
        except OSError as error:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise RedisConnectionError(str(error)) from error
        except BaseException:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise
        self.settled = True
        return answer


@cache
def _lean(kind: Any) -> type[LeanConnection]:
    return cast("type[LeanConnection]", type(f"Lean{kind.__name__}", (LeanConnection, kind), {}))


class ThreadPinnedPool(ConnectionPool):
    """Gives a thread the connection that it used last; a second one lives only while the first is in use.

    After a fork the child opens its own. A thread's connection is closed when the thread ends. Neither streaming
    credentials nor client-side caching are supported.

    ``max_connections`` bounds the open connections, one a thread (MaxConnectionsError beyond it).
    """

    def __init__(self, connection_class: type[ConnectionInterface] = Connection, **options: Any) -> None:
        super().__init__(connection_class=_lean(cast(Any, connection_class)), **options)
        _pools.add(self)

    def reset(self) -> None:
        """Forget every connection: when made, and in the child after a fork."""
        super().reset()
        self._lock = threading.RLock()  # whoever held it may not exist in the child
        self._mine = threading.local()
        # The base class disconnects, counts and configures what it finds here; the threads are what keeps it alive.
        self._in_use_connections: Any = weakref.WeakSet()

    def exchange(self, command: bytes) -> Any:
        """The answer to one packed command, which must be one that may be repeated.

        A connection that has idled may have been closed by the server meanwhile; that shows when the answer does not
        come, and the command is then sent once more, on a new connection. One that is too late is not repeated.

        Raises:
            redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: the server is out of reach or too late.
        """
        connection = self._mine.__dict__.pop("idle", None)
        if connection is not None and connection.settled:
            try:
                return connection.exchange(command)
            except RedisConnectionError:
                pass
            finally:
                self._mine.__dict__.setdefault("idle", connection)
        elif connection is not None:
            self._mine.idle = connection
        connection = self.get_connection()
        try:
            return connection.exchange(command)
        finally:
            self.release(connection)

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Any:
        """A connected connection with nothing left to read; the arguments are of redis-py's past, and unused.

        Raises:
            redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: the server cannot be reached.
        """
        connection: Any = self._mine.__dict__.pop("idle", None) or self.make_connection()
        try:
            if connection.is_connected and _is_spent(connection):
                connection.disconnect()
            if not connection.is_connected:
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        connection.settled = False
        return connection

    def make_connection(self) -> ConnectionInterface:
        with self._lock:
            self._created_connections = len(self._in_use_connections)  # threads have ended since the last one was made
            connection = super().make_connection()
            self._in_use_connections.add(connection)
        return connection

    def release(self, connection: Any) -> None:
        """Keep the connection for this thread's next command; close it if the thread has one, or it is a parent's."""
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
    """redis-py's client without what it adds around a command, its retries and its telemetry.

    Pipelines, scripts and subscriptions are redis-py's own.
    """

    connection_pool: ThreadPinnedPool

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Raises redis.exceptions.RedisError: the server is out of reach, too late, or refuses the command."""
        name = args[0]
        words = (*name.split(), *args[1:]) if " " in name else args
        answer = self.connection_pool.exchange(hiredis.pack_command(words))
        if isinstance(answer, RedisError):
            raise answer
        callback: Any = self.response_callbacks.get(name)  # type: ignore[no-untyped-call]
        if callback is None:
            return answer
        options.pop("keys", None)
        options.pop(NEVER_DECODE, None)
        return callback(answer, **options)


_pools: "weakref.WeakSet[ThreadPinnedPool]" = weakref.WeakSet()


def _forget_parents() -> None:
    for pool in list(_pools):
        pool.reset()


os.register_at_fork(after_in_child=_forget_parents)
