"""Applies ``sql/{alias}.sql`` as the owner, after each migration, whenever the file's text has changed."""

import hashlib
from pathlib import Path

from django.db import connections, transaction

from exchanger.environment import WrongEnvironment
from exchanger.kernel.contexts import OWNER_ROLE

_FOLDER = Path(__file__).with_name("sql")


def apply_grants(alias: str, *, force: bool = False) -> bool:
    """Bring the grants, policies and functions of ``alias`` to what its file says; False when they were so already.

    Raises:
        WrongEnvironment: the server lacks the roles, so bootstrap has not run there.
    """
    text = (_FOLDER / f"{alias}.sql").read_text(encoding="utf-8")
    mark = f"grants {hashlib.sha256(text.encode()).hexdigest()}"
    connection = connections[alias]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        # Two migrations at once: the second waits, and then finds the work done.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('exchanger grants'))")
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER_ROLE,))
        if cursor.fetchone() is None:
            raise WrongEnvironment(f"the server of '{alias}' has no role {OWNER_ROLE}: run manage.py bootstrap first")
        cursor.execute("SELECT obj_description('public'::regnamespace)")
        found = cursor.fetchone()
        if not force and found is not None and found[0] == mark:
            return False
        cursor.execute(text)
        cursor.execute(f"COMMENT ON SCHEMA public IS '{mark}'")
    return True


def forget_grants(alias: str) -> None:
    """Let the next ``apply_grants`` apply them whether or not the file has changed; what is granted stays."""
    with connections[alias].cursor() as cursor:
        cursor.execute("COMMENT ON SCHEMA public IS NULL")
