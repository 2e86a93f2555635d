"""The import's own books are out of the applications' reach, and are kept by the backup."""

import psycopg
import pytest
from django.db import ProgrammingError, connections

from exchanger.kernel.contexts import ALIASES, BACKUP_ROLE, SPECS

TABLES = ("batches", "chunks", "rejects", "images")


def test_no_application_reaches_them_and_the_backup_reads_them(old, take, world, as_context):
    old.person()
    take(old, only=["users"])

    for alias in ALIASES:
        superuser = world.superuser(alias)
        found = superuser.execute("SELECT relname FROM pg_class WHERE relnamespace = 'legacy'::regnamespace")
        # A sequence would be one that every login of its database is expected to draw from (check_isolation).
        assert {name for (name,) in found if not name.endswith(("_pkey", "_table", "_batch", "_id"))} == set(TABLES)
        for spec in SPECS.values():
            usage = superuser.execute("SELECT has_schema_privilege(%s, 'legacy', 'USAGE, CREATE')", (spec.role,))
            assert usage.fetchone() == (False,)
        for table in TABLES:
            asked = (BACKUP_ROLE, f"legacy.{table}")
            assert superuser.execute("SELECT has_table_privilege(%s, %s, 'SELECT')", asked).fetchone() == (True,)
    with as_context("admin"), connections["identity"].cursor() as cursor, pytest.raises(ProgrammingError) as refused:
        cursor.execute("SELECT row FROM legacy.rejects")
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
