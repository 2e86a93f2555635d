"""One command at a time, as one Redis user or as nobody."""

from typing import Any

import redis

from exchanger.isolation.attempts.deployment import Deployment
from exchanger.isolation.attempts.results import Answer, Happened

Command = tuple[str | int | bytes, ...]

# Refusals without a code of their own: a script's, when its user may not do what it asks of Redis, and those of a
# server that lets nobody run the command, or has not got it.
_REFUSALS = ("ACL failure in script", "DEBUG command not allowed", "MODULE command not allowed", "unknown command")
# Answers of a node that would have run the command, had the key or the script been there.
_PROOFS = ("MOVED", "ASK", "CROSSSLOT", "NOSCRIPT")


class RedisUser:
    """A connection as ``user``, or of nobody (None); ``name`` is how the report calls it."""

    def __init__(self, deployment: Deployment, user: str | None) -> None:
        self.name = f"redis {user or '(not logged in)'}"
        self.user = user
        self._client = deployment.redis(user)
        self._connection: Any = self._client.connection_pool.get_connection()

    def attempt(self, *commands: Command) -> Answer:
        """Send the commands; the first refusal is the answer, else the last reply.

        Raises:
            redis.ConnectionError: the server is not reachable.
        """
        last = ""
        try:
            for command in commands:
                last = str(self._send(command))
        except (redis.exceptions.NoPermissionError, redis.AuthenticationError) as error:
            return Answer(Happened.REFUSED, str(error))
        except redis.ResponseError as error:
            said = str(error)
            if said.startswith(_REFUSALS):
                return Answer(Happened.REFUSED, said)
            proven = type(error).__name__.upper().startswith(_PROOFS) or said.startswith(_PROOFS)
            return Answer(Happened.DONE if proven else Happened.FAILED, said)
        return Answer(Happened.DONE, last)

    def start_afresh(self) -> None:
        """Drop the connection; the next command opens another. For a command that changed what a connection is."""
        self._connection.disconnect()

    def close(self) -> None:
        self._connection.disconnect()
        self._client.connection_pool.release(self._connection)
        self._client.close()

    def _send(self, command: Command) -> Any:
        self._connection.send_command(*command, check_health=False)
        return self._connection.read_response()


def shown(commands: tuple[Command, ...]) -> str:
    """The commands as one would type them."""
    return "; ".join(" ".join(map(str, command)) for command in commands)
