"""A test process that can be, for a while, a process of any context, with the real logins of that context.

One process has one context for life everywhere else; only tests rebind it. The settings of a context are those that
``exchanger/settings.py`` itself makes of that context's environment file.
"""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, cast

from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.test import override_settings
from django.urls import set_urlconf
from procrastinate.contrib.django import app as jobs
from procrastinate.contrib.django.django_connector import DjangoConnector

from exchanger.kernel import windows
from exchanger.kernel.cache import pace
from exchanger.kernel.cache.access import circuit, redis_client
from exchanger.kernel.cache.counters import in_memory
from exchanger.kernel.contexts import Context
from exchanger.kernel.published import forget_copies
from exchanger.local.environments import LocalEnvironments
from identity.old_sessions.window import old_redis

_WIRED = ("DATABASES", "CACHES")  # by hand
# What Django keeps a copy of, which a signal makes it forget. Each signal goes to some twenty receivers, so the other
# settings change without. The URLconf is none of these: resolvers are kept by the names of their URLconfs.
_COPIED = ("STORAGES",)
_UNCHANGED = object()


class Binding:
    """Switches this process between maintenance (None) and the contexts."""

    def __init__(self, environments: LocalEnvironments) -> None:
        self._environments = environments
        self._connections: dict[Context | None, dict[str, Any]] = {}
        self.current: Context | None = None
        self._settings_of = cache(self._read_settings)

    @contextmanager
    def bound(self, context: Context | None) -> Iterator[None]:
        """Be a process of ``context`` inside the block; None is maintenance, as the schema's owner."""
        if context is self.current:
            yield
            return
        before = self.current
        values = self._settings_of(context)
        differing = {
            name: value
            for name, value in values.items()
            if name not in _WIRED and value != getattr(settings, name, _UNCHANGED)
        }
        copied = {name: differing.pop(name) for name in _COPIED if name in differing}
        with override_settings(**copied):
            for name, value in differing.items():
                setattr(settings, name, value)  # of this layer, which goes with the block
            self._wire(context)
            try:
                yield
            finally:
                self._wire(before)

    def close(self) -> None:
        """Close the connections of every context."""
        self._park()
        for wrappers in self._connections.values():
            for wrapper in wrappers.values():
                wrapper.close()

    def _wire(self, context: Context | None) -> None:
        self._park()
        values = self._settings_of(context)
        connections.settings = connections.configure_settings(values["DATABASES"])
        for alias, wrapper in self._connections.get(context, {}).items():
            connections[alias] = wrapper
        caches.settings = caches.configure_settings(values["CACHES"])
        _forget(caches)
        redis_client.cache_clear()
        circuit.reset()
        forget_copies()
        old_redis.cache_clear()
        in_memory.forget()
        pace.in_memory.forget()
        windows.requests.forget()
        set_urlconf(None)  # a response that nobody has closed leaves that of its own context
        cast(DjangoConnector, jobs.connector).alias = values["PROCRASTINATE_DATABASE_ALIAS"]
        self.current = context

    def _park(self) -> None:
        """Take this context's open connections out of Django's hands, and keep them for its next turn."""
        self._connections[self.current] = {wrapper.alias: wrapper for wrapper in connections.all(initialized_only=True)}
        _forget(connections)

    def _read_settings(self, context: Context | None) -> dict[str, Any]:
        ours = self._environments.for_process(context or "")
        ours.pop("STATIC_ROOT", None)  # tests collect no static files
        before = dict(os.environ)
        for context_name in ("", *Context):
            for name in self._environments.for_process(context_name):
                os.environ.pop(name, None)
        os.environ.update(ours)
        os.environ.pop("STATIC_ROOT", None)  # nothing is collected for a test
        try:
            module = _fresh_module(
                f"exchanger_settings_{context or 'maintenance'}", os.environ["DJANGO_SETTINGS_MODULE"]
            )
        finally:
            os.environ.clear()
            os.environ.update(before)
        values = {name: value for name, value in vars(module).items() if name.isupper()}
        return {**values, "ALLOWED_HOSTS": [*values["ALLOWED_HOSTS"], "testserver"]}  # Django's test client


def _forget(handler: Any) -> None:
    for alias in list(handler.settings):
        if hasattr(handler._connections, alias):
            delattr(handler._connections, alias)


def _fresh_module(name: str, source: str) -> ModuleType:
    spec = importlib.util.find_spec(source)
    assert spec is not None and spec.origin is not None
    fresh = importlib.util.spec_from_file_location(name, spec.origin)
    assert fresh is not None and fresh.loader is not None
    module = importlib.util.module_from_spec(fresh)
    fresh.loader.exec_module(module)
    return module
