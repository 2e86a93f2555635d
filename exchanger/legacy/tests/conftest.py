from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exchanger.kernel.contexts import ALIASES
from exchanger.legacy.mapping import Mapping, read_mapping
from exchanger.legacy.run import Import, Outcome, Wanted
from exchanger.legacy.source import Source
from exchanger.legacy.tests.old_platform import OldPlatform
from exchanger.testing.legacy import DJANGO_DDL, SOURCE_DDL, old_database
from exchanger.testing.servers import TestServers


@pytest.fixture
def old(world: TestServers) -> Iterator[OldPlatform]:
    """An empty old database of the source document's tables."""
    with old_database(world.superuser("identity"), "exchanger_legacy", SOURCE_DDL) as connection:
        yield OldPlatform(connection)
    _forget_books(world)


@pytest.fixture
def old_django(world: TestServers) -> Iterator[OldPlatform]:
    """An empty old database of a stock Django project."""
    with old_database(world.superuser("identity"), "exchanger_legacy", DJANGO_DDL) as connection:
        yield OldPlatform(connection)
    _forget_books(world)


@pytest.fixture
def take(as_context: Callable[..., Any]) -> Callable[..., Outcome]:
    """Import an old platform, in maintenance: ``take(old, only=["users"])``."""

    def run(old: OldPlatform, mapping: str | Mapping = "source", zone: str | None = None, **wanted: Any) -> Outcome:
        found = read_mapping(mapping, zone) if isinstance(mapping, str) else mapping
        with as_context(None):
            return Import(Wanted(Source(old.url), found, **wanted)).run()

    return run


def _forget_books(world: TestServers) -> None:
    for alias in ALIASES:
        world.superuser(alias).execute("DROP SCHEMA IF EXISTS legacy CASCADE")
