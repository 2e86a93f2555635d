"""The import's own books are beside the applications' reach, and are kept by the backup."""

import io

import psycopg
import pytest
from django.core.management import call_command

from exchanger.local.environments import BOOTSTRAP


def test_no_application_reaches_them_and_the_isolation_is_whole(old, take, world, monkeypatch):
    old.person()
    take(old, only=["users"])
    for name, value in world.environments.read(BOOTSTRAP).items():
        monkeypatch.setenv(name, value)

    call_command("check_isolation", "--quiet", stdout=io.StringIO())


@pytest.mark.parametrize("context", ["web", "admin", "telegram"])
def test_a_context_is_refused(old, take, context, as_context):
    from django.db import ProgrammingError, connections

    old.person()
    take(old, only=["users"])
    with as_context(context), connections["identity"].cursor() as cursor, pytest.raises(ProgrammingError) as refused:
        cursor.execute("SELECT row FROM legacy.rejects")
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
