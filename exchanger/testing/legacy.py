"""The old platform's single database, for tests and benches: made beside the four new ones, and dropped again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

SOURCE_DDL = Path(__file__).with_name("legacy_source.sql")
"""The source document's tables."""

DJANGO_DDL = Path(__file__).with_name("legacy_django.sql")
"""A stock Django project's."""


@contextmanager
def old_database(superuser: psycopg.Connection, name: str, ddl: Path) -> Iterator[psycopg.Connection]:
    """An empty old database on the superuser's server, as its superuser, in autocommit; gone after the block."""
    superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    superuser.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        with psycopg.connect(superuser.info.dsn, dbname=name, password=superuser.info.password, autocommit=True) as old:
            old.execute(ddl.read_bytes())
            yield old
    finally:
        superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
