"""This test process as another one for a while: with its environment and the settings made of it, not connected."""

import os
import runpy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.cache import caches
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from exchanger.checks.findings import TAG
from exchanger.local.paths import CHECKOUT

_WIRED = ("DATABASES", "CACHES")
_UNCHANGED = object()


def settings_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """What exchanger/settings.py makes of ``environment``.

    Raises:
        WrongEnvironment: as it would in a process that has it.
    """
    with mock.patch.dict(os.environ, environment, clear=True):
        values = runpy.run_path(str(CHECKOUT / "exchanger" / "settings.py"))
    return {name: value for name, value in values.items() if name.isupper()}


@contextmanager
def process(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Have the settings and the environment of a process started with ``environment``; gives those settings."""
    values = settings_of(environment)
    differing = {
        name: value
        for name, value in values.items()
        if name not in _WIRED and value != getattr(settings, name, _UNCHANGED)
    }
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(connections, "settings", connections.configure_settings(values["DATABASES"])),
        mock.patch.object(caches, "settings", caches.configure_settings(values["CACHES"])),
        override_settings(**differing),
    ):
        yield values


def findings() -> set[str]:
    """The ids of what the platform's own checks find, those of deployment included."""
    return {message.id or "" for message in run_checks(tags=[TAG], include_deployment_checks=True)}
