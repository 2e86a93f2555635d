"""Commands that no key pattern holds: they see or change the whole server."""

import secrets
from collections.abc import Iterator

from exchanger.isolation import matrix
from exchanger.isolation.attempts.redis_server import Command, RedisUser, shown
from exchanger.isolation.attempts.results import Expected, Happened, Result, expect

SECTION = "Redis commands"
_MARK = f"isolation-check-{secrets.token_hex(8)}"

# Where the bare command would do harm, its arguments are such that it fails once the access check has let it through.
_COMMANDS = (
    "PING", "UNWATCH", "SCRIPT LOAD return",
    "SCAN 0 COUNT 1", "RANDOMKEY", "DBSIZE", "FLUSHDB NOSUCHMODE", "FLUSHALL NOSUCHMODE", "SWAPDB 0 x", "SELECT 0",
    "CONFIG GET maxmemory", "CONFIG SET nosuchsetting 1", "INFO server", "TIME", "ECHO x", "LASTSAVE",
    "ACL LIST", "ACL WHOAMI", "ACL USERS", "ACL CAT", "ACL LOG 0", "ACL GETUSER MARK", "ACL SETUSER MARK nosuchrule",
    "ACL DELUSER MARK", "CLIENT LIST", "CLIENT ID", "CLIENT INFO", "CLIENT GETNAME", "CLIENT SETNAME MARK",
    "CLIENT KILL nowhere:0", "CLIENT PAUSE x", "CLIENT TRACKING x", "CLIENT NO-EVICT x", "COMMAND COUNT",
    "COMMAND DOCS get", "SLOWLOG LEN", "LATENCY LATEST", "MEMORY STATS", "MODULE LIST", "MODULE LOAD /nowhere",
    "SCRIPT FLUSH NOSUCHMODE", "SCRIPT EXISTS x", "SCRIPT KILL", "FUNCTION LOAD x", "FUNCTION LIST",
    "FUNCTION FLUSH NOSUCHMODE", "FUNCTION DUMP", "FUNCTION DELETE MARK", "DEBUG NOSUCHCOMMAND",
    "SHUTDOWN NOSUCHMODE", "REPLICAOF x y", "SLAVEOF x y", "FAILOVER NOSUCHMODE", "REPLCONF nosuchoption x", "ROLE",
    "BGSAVE NOSUCHMODE", "CLUSTER INFO", "WAIT 0 0", "READONLY", "PUBLISH MARK x", "PUBSUB CHANNELS MARK",
    "SUBSCRIBE MARK", "PSUBSCRIBE MARK", "SSUBSCRIBE MARK", "MONITOR",
)  # fmt: skip
# No argument would make these fail: they are queued, which asks for the privilege too, and never executed.
_QUEUED = ("KEYS MARK", "BGREWRITEAOF")
_HAVE_SUBCOMMANDS = {
    "acl", "client", "cluster", "command", "config", "function", "latency", "memory", "module", "pubsub", "script",
    "slowlog",
}  # fmt: skip


def try_commands(user: RedisUser) -> Iterator[Result]:
    """As one user, what sees or changes more than one's own keys; each command alone on its connection if it got in."""
    for line in _COMMANDS:
        yield _try(user, _words(line))
    for line in _QUEUED:
        yield _try(user, ("MULTI",), _words(line))


def _try(user: RedisUser, *commands: Command) -> Result:
    answer = user.attempt(*commands)
    if answer.happened is not Happened.REFUSED or len(commands) > 1:
        user.start_afresh()  # it may listen, monitor or hold a transaction now
    words = [str(word).lower() for word in commands[-1]]
    verb = " ".join(words[:2]) if words[0] in _HAVE_SUBCOMMANDS else words[0]
    free = verb in matrix.FREE_COMMANDS or user.user in matrix.SERVER_COMMANDS.get(verb, ())
    expected = expect(user.user is not None and free)
    if user.user is None and verb in matrix.NOBODYS_COMMANDS:
        expected = Expected.SHARED
    return Result(SECTION, user.name, "the server", verb, expected, answer, shown(commands))


def _words(line: str) -> Command:
    return tuple(_MARK if word == "MARK" else word for word in line.split())
