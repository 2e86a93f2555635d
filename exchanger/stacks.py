"""One stack a process: the adapters and the cache of its own context, and of no other (the source's factory)."""

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from admin_panel.adapter import AdminAdapter
from admin_panel.cache import AdminCache
from bot.adapter import TelegramAdapter
from bot.cache import TelegramCache
from exchanger.kernel.cache.application import ApplicationCache
from exchanger.kernel.contexts import Context, current, require
from identity.adapter import IdentityAdapter
from web.adapter import WebAdapter
from web.cache import WebCache

Adapter: TypeAlias = WebAdapter | AdminAdapter | TelegramAdapter


@dataclass(frozen=True, slots=True)
class Stack:
    """What an application's code may read through: who people are, its own business, and its own cache."""

    context: Context
    identity: IdentityAdapter
    application: Adapter
    cache: ApplicationCache


class DatabaseFactory:
    """Makes the stack of the process's context.

    Raises:
        ForeignContext: another context's stack was asked for.
        NoContext: in a maintenance process.
    """

    @classmethod
    def create_web_stack(cls) -> Stack:
        return cls._create(Context.WEB)

    @classmethod
    def create_admin_stack(cls) -> Stack:
        return cls._create(Context.ADMIN)

    @classmethod
    def create_telegram_stack(cls) -> Stack:
        return cls._create(Context.TELEGRAM)

    @classmethod
    def create_stack(cls) -> Stack:
        """The stack of whichever context the process has."""
        return cls._create(current())

    @classmethod
    def _create(cls, context: Context) -> Stack:
        require(context)
        return _stack(context)


@cache
def _stack(context: Context) -> Stack:
    identity = IdentityAdapter(context)
    match context:
        case Context.WEB:
            return Stack(context, identity, WebAdapter(), WebCache())
        case Context.ADMIN:
            return Stack(context, identity, AdminAdapter(), AdminCache())
        case Context.TELEGRAM:
            return Stack(context, identity, TelegramAdapter(), TelegramCache())
