"""Expired sessions are purged by context, in batches, around rows that somebody holds."""

import io

import psycopg
import pytest
from django.core.management import call_command

from exchanger.local.environments import BOOTSTRAP
from identity import session_rows
from identity.tests.factories import UserFactory

INSERT = """
INSERT INTO sessions (id, user_id, application_context, session_data, expires_at)
SELECT %s || number, %s, %s, '{}', now() + %s::interval FROM generate_series(1, %s) number
"""


@pytest.fixture
def rows(world):
    """Seven expired and two living sessions in each context."""
    user, superuser = UserFactory(), world.superuser("identity")
    for context in ("web", "admin", "telegram"):
        superuser.execute(INSERT, (f"{context}-old-", user.pk, context, "-1 second", 7))
        superuser.execute(INSERT, (f"{context}-new-", user.pk, context, "1 hour", 2))
    return lambda: dict(
        superuser.execute("SELECT application_context, count(*) FROM sessions GROUP BY 1 ORDER BY 1").fetchall()
    )


def clear(**options):
    out = io.StringIO()
    call_command("clearsessions", stdout=out, **options)
    return out.getvalue()


def test_the_owner_purges_every_context_in_batches_and_says_how_far_it_is(rows):
    said = clear(batch=10)
    assert said.splitlines() == [
        "  10 expired sessions deleted",
        "  20 expired sessions deleted",
        "  21 expired sessions deleted",
        "21 expired sessions deleted.",
    ]
    assert rows() == {"admin": 2, "telegram": 2, "web": 2}


def test_a_context_purges_its_own_and_reaches_no_other(rows, as_context):
    with as_context("web"):
        assert clear().endswith("7 expired sessions deleted.\n")
    assert rows() == {"admin": 9, "telegram": 9, "web": 2}


def test_a_row_that_somebody_holds_is_left_for_the_next_time_and_not_waited_for(rows, world):
    dsn = world.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
    with psycopg.connect(dsn, dbname="exchanger_identity") as holder:
        holder.execute("SELECT FROM sessions WHERE id = 'web-old-3' FOR UPDATE")
        assert clear().endswith("20 expired sessions deleted.\n")
    assert rows()["web"] == 3
    assert clear().endswith("1 expired sessions deleted.\n")


def test_one_batch_deletes_no_more_than_it_may(rows):
    assert session_rows.purge_expired(2) == 2
    assert sum(rows().values()) == 3 * 9 - 2
