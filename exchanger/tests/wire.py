"""The way between one process and Valkey, on which a test holds each command, and loses, cuts or lets it pass.

To the process it is the server: a unix socket that speaks Redis' protocol. Logging in and what changes nothing
(``_SILENT``) passes by itself.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path

import hiredis

_SILENT = {b"AUTH", b"CLIENT", b"HELLO", b"PING", b"SCRIPT", b"SELECT"}
_CHUNK = 1 << 16


class Wire:
    """One process's way; ``path`` is where it connects to and ``server`` the socket of the real Valkey."""

    def __init__(self, path: Path, server: Path) -> None:
        self.path = path
        self._server = server
        self._listener: socket.socket | None = None
        self._servers: dict[socket.socket, socket.socket] = {}  # of each of the process's connections
        self._held: tuple[socket.socket, bytes, int] | None = None
        self.heal()

    # --- the state of the way

    @property
    def is_cut(self) -> bool:
        return self._listener is None

    def cut(self) -> None:
        """Close every connection, the one that waits for an answer too, and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self.path.unlink()
        for client in list(self._servers):
            self._close(client)
        self._held = None

    def heal(self) -> None:
        """Let the process connect again."""
        if self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(os.fspath(self.path))
            self._listener.listen()

    # --- what comes along

    def sockets(self) -> list[socket.socket]:
        return [*([] if self._listener is None else [self._listener]), *self._servers]

    def receive(self, ready: socket.socket) -> str | None:
        """Take what one of ``sockets`` has; a command that is now held, in words."""
        if ready is self._listener:
            client, _ = self._listener.accept()
            self._servers[client] = socket.socket(socket.AF_UNIX)
            self._servers[client].connect(os.fspath(self._server))
            return None
        request, commands = _whole(ready)
        if not request:
            self._close(ready)
            return None
        self._held = ready, request, len(commands)
        if all(command[0].upper() in _SILENT for command in commands):
            self.let_pass()
            return None
        return " ".join(_in_words(command) for command in commands)

    # --- what becomes of the command that is held

    def let_pass(self) -> None:
        client, answer = self._carry_out()
        with suppress(OSError):  # who waited for it may be gone
            client.sendall(answer)

    def refuse(self) -> None:
        """The server never hears of it, and is out of reach until ``heal``."""
        self.cut()

    def lose_answer(self, *, goes_away: bool) -> None:
        """The server carries it out, and the connection breaks before its answer; until ``heal``, if it goes away."""
        client, _ = self._carry_out()
        if goes_away:
            self.cut()
        else:
            self._close(client)

    def keep_answer(self) -> None:
        """The server carries it out, and its answer never comes: whoever waits has to give up."""
        client, _ = self._carry_out()
        while client.recv(_CHUNK):
            pass
        self._close(client)

    # --- inside

    def _carry_out(self) -> tuple[socket.socket, bytes]:
        assert self._held is not None
        client, request, count = self._held
        self._held = None
        server = self._servers[client]
        server.sendall(request)
        reader, answer = hiredis.Reader(), b""
        while count:
            part = server.recv(_CHUNK)
            if not part:
                raise ConnectionError("The real server is gone")
            answer += part
            reader.feed(part)
            while count and reader.gets() is not False:
                count -= 1
        return client, answer

    def _close(self, client: socket.socket) -> None:
        self._servers.pop(client).close()
        client.close()


def _whole(client: socket.socket) -> tuple[bytes, list[list[bytes]]]:
    """A whole request and its commands; nothing when the process has hung up."""
    reader, request, commands = hiredis.Reader(), b"", []
    while not commands or reader.has_data():
        try:
            part = client.recv(_CHUNK)
        except ConnectionError:
            part = b""
        if not part:
            return b"", []
        request += part
        reader.feed(part)
        while (command := reader.gets()) is not False:
            commands.append(command)
    return request, commands


def _in_words(command: list[bytes]) -> str:
    """The name and, of what a script was told, nothing: its first argument is what it does to the key."""
    return command[0].decode().upper()
