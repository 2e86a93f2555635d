"""Connections to the four new databases, as their owner and by the import's own settings."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections

_OF_DJANGO = {"cursor_factory", "context", "prepare_threshold"}
_SETTINGS = (
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'postgres'",
    "SET jit = off",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET synchronous_commit = on",
    "SET work_mem = '64MB'",
    "SET temp_buffers = '64MB'",
    # A killed run's transaction ends with its process, and not when its statement happens to.
    "SET client_connection_check_interval = '500ms'",
    # A chunk's tables are small, and nobody has counted their rows: what they meet is found by its index.
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)


@contextmanager
def opened(alias: str, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """A connection to the database behind ``alias``; what is not committed at the block's end is rolled back.

    Raises:
        psycopg.OperationalError
    """
    params = connections[alias].get_connection_params()
    kept = {name: value for name, value in params.items() if name not in _OF_DJANGO}
    with psycopg.connect(**kept, autocommit=True, application_name="import_legacy") as connection:
        for setting in _SETTINGS:
            connection.execute(setting.encode())
        connection.autocommit = autocommit
        yield connection
        if not autocommit:
            connection.rollback()
