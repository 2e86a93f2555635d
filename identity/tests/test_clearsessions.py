"""Expired sessions are purged by context, in batches, around rows that somebody holds."""

import io
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from exchanger.local.environments import BOOTSTRAP
from identity import session_rows
from identity.management import batches
from identity.management.commands import clearsessions
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


def deleted(said):
    """The number in the last line, which tells how long it took as well."""
    return int(re.fullmatch(r"(\d+) expired sessions deleted in \d+\.\d s\.", said.splitlines()[-1]).group(1))


def purge_in_a_thread(batch, when_ready=lambda: None):
    """With a connection of the thread's own, closed with it."""
    try:
        connections["identity"].ensure_connection()
        when_ready()
        return deleted(clear(batch=batch))
    finally:
        connections["identity"].close()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_owner_purges_every_context_in_batches_and_says_how_far_it_is(rows, world, monkeypatch):
    world.superuser("identity").execute("ANALYZE sessions")
    monkeypatch.setattr(batches, "SAY_SECONDS", 0)
    said = clear(batch=10)
    assert [re.sub(r"[\d,]+ a second", "N a second", line) for line in said.splitlines()[:-1]] == [
        "  10 of about 21 (48%) deleted, N a second",
        "  20 of about 21 (95%) deleted, N a second",
        "  21 of about 21 (100%) deleted, N a second",
    ]
    assert deleted(said) == 21
    assert rows() == {"admin": 2, "telegram": 2, "web": 2}


@pytest.mark.usefixtures("rows")
def test_a_log_is_not_filled_with_a_line_for_each_batch(monkeypatch):
    monkeypatch.setattr(batches, "SAY_SECONDS", 3600)
    said = clear(batch=1)
    assert deleted(said) == 21
    assert len(said.splitlines()) == 1


@pytest.mark.usefixtures("rows")
def test_a_terminal_has_one_line_that_is_written_over():
    out = Terminal()
    call_command("clearsessions", batch=10, stdout=out)
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().count("\r") == 4


@pytest.mark.usefixtures("rows")
def test_more_than_was_expected_is_told_without_a_share(world, monkeypatch):
    monkeypatch.setattr(batches, "SAY_SECONDS", 0)
    monkeypatch.setattr(clearsessions, "_estimate", lambda: 5)
    assert clear(batch=10).splitlines()[0].startswith("  10 deleted, ")


def test_a_context_purges_its_own_and_reaches_no_other(rows, as_context):
    with as_context("web"):
        assert deleted(clear()) == 7
    assert rows() == {"admin": 9, "telegram": 9, "web": 2}


def test_a_row_that_somebody_holds_is_left_for_the_next_time_and_not_waited_for(rows, world):
    dsn = world.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
    with psycopg.connect(dsn, dbname="exchanger_identity") as holder:
        holder.execute("SELECT FROM sessions WHERE id = 'web-old-3' FOR UPDATE")
        assert deleted(clear()) == 20
    assert rows()["web"] == 3
    assert deleted(clear()) == 1


def test_a_purge_takes_what_another_that_is_under_way_has_left(rows):
    with ThreadPoolExecutor(1) as thread, transaction.atomic(using="identity"):
        assert session_rows.purge_expired(8) == 8
        assert thread.submit(purge_in_a_thread, 5).result() == 13
    assert rows() == {"admin": 2, "telegram": 2, "web": 2}


def test_two_purges_at_once_delete_each_row_once(rows):
    together = threading.Barrier(2, timeout=30)
    with ThreadPoolExecutor(2) as threads:
        purges = [threads.submit(purge_in_a_thread, 1, together.wait) for _ in range(2)]
    assert sum(purge.result() for purge in purges) == 21
    assert rows() == {"admin": 2, "telegram": 2, "web": 2}


def test_ctrl_c_ends_it_after_a_whole_batch_and_tells_how_many_are_gone(rows, monkeypatch):
    real = session_rows.purge_expired

    def interrupted(batch):
        signal.raise_signal(signal.SIGINT)
        return real(batch)

    monkeypatch.setattr(session_rows, "purge_expired", interrupted)
    before, out = signal.getsignal(signal.SIGINT), io.StringIO()
    with pytest.raises(CommandError, match="run it again for the rest") as stopped:
        call_command("clearsessions", batch=10, stdout=out)
    assert stopped.value.returncode == 130
    assert deleted(out.getvalue()) == 10
    assert sum(rows().values()) == 3 * 9 - 10
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("batch", ["0", "-1"])
def test_a_batch_holds_a_row_at_least(batch, rows):
    with pytest.raises(CommandError, match="at least one row"):
        call_command("clearsessions", "--batch", batch)
    assert sum(rows().values()) == 3 * 9


def test_one_batch_deletes_no_more_than_it_may(rows):
    assert session_rows.purge_expired(2) == 2
    assert sum(rows().values()) == 3 * 9 - 2
