"""Every command that takes a key, on a fresh key of every namespace, as every user."""

import uuid
from collections.abc import Iterator

from exchanger.isolation import matrix
from exchanger.isolation.attempts.redis_server import Command, RedisUser, shown
from exchanger.isolation.attempts.results import Answer, Result, expect
from exchanger.kernel.contexts import Context

SECTION = "Redis keys"
_LIFE = 60  # seconds, should a key outlive the check
_READ = "return redis.call('GET', KEYS[1])"
_READ_UNDECLARED = "return redis.call('GET', ARGV[1])"
_NO_SCRIPT = "0" * 40


def key_commands(key: str) -> Iterator[tuple[str, Command]]:
    """Each command by the matrix's name for it, in an order in which its owner meets no error."""
    yield "set", ("SET", key, 1, "EX", _LIFE)
    yield "set", ("SET", key, 1, "NX", "GET", "EX", _LIFE)
    yield "get", ("GET", key)
    yield "mget", ("MGET", key)
    yield "exists", ("EXISTS", key)
    yield "incr", ("INCR", key)
    yield "incrby", ("INCRBY", key, 2)
    yield "decr", ("DECR", key)
    yield "ttl", ("TTL", key)
    yield "pttl", ("PTTL", key)
    yield "persist", ("PERSIST", key)
    yield "expire", ("EXPIRE", key, _LIFE)
    yield "pexpire", ("PEXPIRE", key, _LIFE * 1000)
    yield "setex", ("SETEX", key, _LIFE, 1)
    yield "eval", ("EVAL", _READ, 1, key)
    yield "eval", ("EVAL", _READ_UNDECLARED, 0, key)
    yield "evalsha", ("EVALSHA", _NO_SCRIPT, 1, key)
    for words in _OTHERS:
        yield words.split()[0].lower(), tuple(key if word == "KEY" else word for word in words.split())
    yield "del", ("DEL", key)
    yield "unlink", ("UNLINK", key)


# No context has these, on its own keys neither. What would wait or grow has arguments that end it at once.
_OTHERS = (
    "APPEND KEY x", "BITCOUNT KEY", "BLPOP KEY 0.001", "COPY KEY KEY", "DECRBY KEY 1", "DUMP KEY", "EVAL_RO x 1 KEY",
    "EXPIREAT KEY 1", "EXPIRETIME KEY", "FCALL isolation_check 1 KEY", "GETBIT KEY 0", "GETDEL KEY", "GETEX KEY",
    "GETRANGE KEY 0 1", "GETSET KEY 1", "HGETALL KEY", "HSET KEY x 1", "INCRBYFLOAT KEY 1", "LPUSH KEY x",
    "LRANGE KEY 0 0", "MEMORY USAGE KEY", "MIGRATE 127.0.0.1 1 KEY 0 1", "MOVE KEY 0", "MSET KEY 1", "MSETNX KEY 1",
    "OBJECT ENCODING KEY", "PEXPIREAT KEY 1", "PEXPIRETIME KEY", "PFADD KEY x", "PSETEX KEY 60000 1", "RENAME KEY KEY",
    "RENAMENX KEY KEY", "RESTORE KEY 60000 x", "SADD KEY x", "SETBIT KEY 0 1", "SETNX KEY 1", "SETRANGE KEY 0 x",
    "SMEMBERS KEY", "SORT KEY", "STRLEN KEY", "SUBSTR KEY 0 1", "TOUCH KEY", "TYPE KEY", "XADD KEY MAXLEN 1 * x 1",
    "XRANGE KEY - +", "ZADD KEY 1 x", "ZRANGE KEY 0 0",
)  # fmt: skip


class KeyAttempts:
    """The keys of one check: ``mark`` is in each of them, and ``sweep`` removes what is left."""

    def __init__(self, users: list[RedisUser]) -> None:
        self.users = users
        self.mark = f"isolation-check-{uuid.uuid4().hex}"

    def try_all(self) -> Iterator[Result]:
        for user in self.users:
            for prefix in (*matrix.KEYS, *matrix.NOBODYS_PREFIXES):
                yield from self._try_prefix(user, prefix)
            yield from self._try_several(user)

    def sweep(self) -> None:
        for user in self.users:
            for prefix in (*matrix.KEYS, *matrix.NOBODYS_PREFIXES):
                user.attempt(("UNLINK", self._key(prefix)))

    def _key(self, prefix: str) -> str:
        return prefix + self.mark

    def _try_prefix(self, user: RedisUser, prefix: str) -> Iterator[Result]:
        key = self._key(prefix)
        steps: list[tuple[str, tuple[Command, ...]]] = [
            *((verb, (command,)) for verb, command in key_commands(key)),
            ("watch", (("WATCH", key), ("UNWATCH",))),
            ("exec", (("MULTI",), ("SET", key, 1, "EX", _LIFE), ("GET", key), ("EXEC",))),
        ]
        for verb, commands in steps:
            answer = user.attempt(*commands)
            yield _result(user, f"{prefix}*", verb, may_use(user.user, prefix, verb), answer, commands)
        user.attempt(("DISCARD",))  # where the transaction was refused half-way

    def _try_several(self, user: RedisUser) -> Iterator[Result]:
        """One command on keys of several contexts: what every context does, and what would smuggle a key along."""
        everyones = [self._key(f"identity:user:{context}:") for context in Context]
        allowed = user.user is not None
        for verb in matrix.DELETE_COMMANDS:
            together = (verb.upper(), *everyones)
            yield _result(user, "identity:user:* of all", verb, allowed, user.attempt(together), (together,))
        for own, foreign in _pairs(user.user):
            mine, theirs = self._key(own), self._key(foreign)
            mixed: tuple[Command, ...] = (
                ("MGET", mine, theirs),
                ("DEL", mine, theirs),
                ("EXISTS", mine, theirs),
                ("COPY", mine, theirs),
                ("RENAME", mine, theirs),
                ("EVAL", _READ, 2, mine, theirs),
            )
            for words in mixed:
                target, verb = f"{own}* with {foreign}*", str(words[0]).lower()
                yield _result(user, target, verb, False, user.attempt(words), (words,))


def may_use(user: str | None, prefix: str, verb: str) -> bool:
    """Whether the matrix lets a Redis user run ``verb`` on the keys of ``prefix``."""
    if user is None or prefix not in matrix.KEYS:
        return False
    owner, deleters = matrix.KEYS[prefix]
    if owner == user:
        return verb in matrix.KEY_COMMANDS
    return verb in matrix.DELETE_COMMANDS and user in deleters


def _pairs(user: str | None) -> list[tuple[str, str]]:
    """A prefix of one's own with one that only its owner may delete from; no such pair for nobody."""
    own = [prefix for prefix, (owner, _) in matrix.KEYS.items() if owner == user]
    foreign = [prefix for prefix, (owner, deleters) in matrix.KEYS.items() if user not in {owner, *deleters}]
    return [(own[0], prefix) for prefix in foreign] if own else []


def _result(
    user: RedisUser, target: str, verb: str, allowed: bool, answer: Answer, commands: tuple[Command, ...]
) -> Result:
    return Result(SECTION, user.name, target, verb, expect(allowed), answer, shown(commands))
