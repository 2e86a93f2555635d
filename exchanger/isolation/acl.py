"""The Redis users: one a context, with its own key patterns and only the commands that the platform runs."""

import redis

from exchanger.isolation.credentials import Credentials
from exchanger.kernel.cache.namespaces import foreign_deletable, own_prefixes
from exchanger.kernel.contexts import Context

# No KEYS, SCAN, RANDOMKEY, FLUSH…: they ignore key patterns. No CLIENT: TRACKING and LIST would tell of others.
COMMANDS = (
    "get", "mget", "set", "setex", "del", "unlink", "exists", "expire", "pexpire", "persist", "ttl", "pttl",
    "incr", "decr", "incrby", "eval", "evalsha", "script|load", "multi", "exec", "discard", "watch", "unwatch",
    "ping", "hello", "auth",
)  # fmt: skip
FOREIGN_COMMANDS = ("del", "unlink")
# Who measures the platform asks how much Redis holds and how often it had what was asked for. INFO names no key and
# tells no value; it does tell of the whole server, so whoever else uses it shows there in numbers.
SERVER_COMMANDS = {Context.ADMIN: ("info",)}
_DEFAULT_RULES = "on nopass resetkeys resetchannels nocommands +ping"
DEFAULT_USER = f"user default {_DEFAULT_RULES}"


def rules(context: Context) -> list[str]:
    """What follows ``on`` and the password in a context's ACL line.

    The selector in parentheses is all there is across contexts: deleting, where a change must drop a cached copy.
    """
    patterns = [f"~{prefix}*" for prefix in own_prefixes(context)]
    foreign = [f"%W~{pattern}" for pattern in foreign_deletable(context)]
    selector = " ".join([*foreign, "nocommands", *(f"+{command}" for command in FOREIGN_COMMANDS)])
    commands = [f"+{command}" for command in (*COMMANDS, *SERVER_COMMANDS.get(context, ()))]
    return ["resetkeys", "resetchannels", "clearselectors", "nocommands", *patterns, *commands, f"({selector})"]


def acl_file(credentials: Credentials, *, extra: tuple[str, ...] = ()) -> str:
    """An ``aclfile`` for a server that is configured by file."""
    users = [
        " ".join(["user", context, "on", "resetpass", f">{credentials.redis[context]}", *rules(context)])
        for context in Context
    ]
    return "\n".join([DEFAULT_USER, *extra, *users]) + "\n"


def set_users(url: str, credentials: Credentials) -> list[str]:
    """Create or correct the users on a running server; ``url`` logs in one who may run ACL.

    The default user, which is whoever does not log in, keeps PING alone. Where the server has an aclfile the change is
    saved to it.

    Raises:
        redis.RedisError: the server is not reachable or refuses.
    """
    done = []
    with redis.Redis.from_url(url) as client:
        for context in Context:
            client.execute_command(
                "ACL", "SETUSER", context, "on", "resetpass", f">{credentials.redis[context]}", *rules(context)
            )
            done.append(f"redis user {context}: set")
        if client.execute_command("ACL", "WHOAMI") in {"default", b"default"}:
            done.append("redis user default: left as it is, since this is its login; it must have a password")
        else:
            client.execute_command("ACL", "SETUSER", "default", "reset", *_DEFAULT_RULES.split())
            done.append("redis user default: may PING")
        try:
            client.execute_command("ACL", "SAVE")
        except redis.ResponseError:
            done.append("redis: no aclfile is configured, so the users last until the server restarts")
    return done
