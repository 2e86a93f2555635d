import itertools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from exchanger.local.environments import BOOTSTRAP
from exchanger.testing.servers import TestServers

_numbers = itertools.count()


@pytest.fixture
def scratch_database(servers: TestServers) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Makes empty databases on the test's server, which are gone after the test."""
    dsn = servers.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
    made: list[tuple[str, psycopg.Connection[Any]]] = []
    with psycopg.connect(dsn, autocommit=True) as superuser:

        def make() -> psycopg.Connection[Any]:
            name = f"scratch_{next(_numbers)}"
            superuser.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            connection = psycopg.connect(dsn, dbname=name, autocommit=True)
            made.append((name, connection))
            return connection

        yield make
        for name, connection in made:
            connection.close()
            superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
