"""Every key of the platform, declared once: its pattern, whose it is, and how long it may live.

The patterns and lifetimes of the first eight are the source document's ("Redis: namespaces and TTL"). Nobody formats
a key by hand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from exchanger.kernel.contexts import Context, ForeignContext, current, current_or_none

HOUR = 3600
EVERY_CONTEXT = frozenset(Context)
_PART = re.compile(r"[A-Za-z0-9_.@:\-]{1,200}")


class CacheKey(str):
    """A key that a namespace has made for this process's context; the cache takes no other."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Namespace:
    """A family of keys.

    ``prefix`` ends with a colon and may hold ``{context}``; ``ttl`` is in seconds and is the most a value may live;
    ``contexts`` read and write it; ``invalidated_by`` may also delete from it, and only that.
    """

    prefix: str
    contexts: frozenset[Context]
    ttl: int
    invalidated_by: frozenset[Context] = field(default=frozenset())

    def key(self, ident: object) -> CacheKey:
        """The key of ``ident`` for the process's own context.

        Raises:
            NoContext: in a maintenance process.
            ForeignContext: the namespace belongs to other contexts.
            ValueError: ``ident`` has characters that no key of ours has.
        """
        context = current()
        if context not in self.contexts:
            raise ForeignContext(self.prefix, context)
        return self._format(context, ident)

    def deletable_keys(self, ident: object) -> list[CacheKey]:
        """The keys of ``ident`` in every context of the namespace, for deletion only.

        A maintenance process gets them too: it cannot reach Redis, but it records what others must delete.

        Raises:
            ForeignContext: neither the namespace's own context nor one that may delete from it.
        """
        held = current_or_none()
        if held is None or held in self.invalidated_by:
            return [self._format(context, ident) for context in sorted(self.contexts)]
        return [self.key(ident)]

    def pattern(self, context: Context) -> str:
        """The pattern of a context's keys, as an access rule of Redis has it."""
        return f"{self.prefix.format(context=context)}*"

    def _format(self, context: Context, ident: object) -> CacheKey:
        part = str(ident)
        if not _PART.fullmatch(part):
            raise ValueError(f"Not an identifier for a cache key: {part!r}")
        return CacheKey(_prefix(self.prefix, context) + part)


@cache
def _prefix(pattern: str, context: Context) -> str:
    return pattern.format(context=context)


_WEB = frozenset({Context.WEB})
_ADMIN = frozenset({Context.ADMIN})
_TELEGRAM = frozenset({Context.TELEGRAM})

SESSIONS = Namespace("identity:session:{context}:", EVERY_CONTEXT, 24 * HOUR, invalidated_by=_ADMIN)
USERS = Namespace("identity:user:{context}:", EVERY_CONTEXT, HOUR, invalidated_by=EVERY_CONTEXT)
RATES = Namespace("cache:web:rates:", _WEB, 5 * 60, invalidated_by=_ADMIN)
ORDERS = Namespace("cache:web:orders:", _WEB, 30 * 60, invalidated_by=_ADMIN)
METRICS = Namespace("cache:admin:metrics:", _ADMIN, 15 * 60)
REPORTS = Namespace("cache:admin:reports:", _ADMIN, HOUR)
CONVERSATIONS = Namespace("cache:telegram:conversations:", _TELEGRAM, 24 * HOUR, invalidated_by=_ADMIN)
COMMANDS = Namespace("cache:telegram:commands:", _TELEGRAM, HOUR, invalidated_by=_ADMIN)

# Beyond the source's: how often somebody has tried, and which of Telegram's logins have been used, and
# when Telegram will take the next message.
THROTTLE = Namespace("cache:{context}:throttle:", EVERY_CONTEXT, HOUR)
INIT_DATA = Namespace("cache:telegram:init_data:", _TELEGRAM, HOUR + 60)
PACE = Namespace("cache:telegram:pace:", _TELEGRAM, HOUR)

NAMESPACES = (SESSIONS, USERS, RATES, ORDERS, METRICS, REPORTS, CONVERSATIONS, COMMANDS, THROTTLE, INIT_DATA, PACE)


def own_prefixes(context: Context) -> tuple[str, ...]:
    """The prefixes that a context's user reads and writes in Redis."""
    return (f"identity:session:{context}:", f"identity:user:{context}:", f"cache:{context}:")


def foreign_deletable(context: Context) -> Iterator[str]:
    """The patterns of other contexts' keys from which ``context`` may delete, and do nothing else."""
    for namespace in NAMESPACES:
        if context in namespace.invalidated_by:
            yield namespace.prefix.replace("{context}:", "") + "*"
