"""The SQL of sessions: prepared once per connection, and still Django's in everything else."""

from datetime import timedelta

import pytest
from django.db import DataError, connections, transaction
from django.utils import timezone

from exchanger.environment import Environment
from exchanger.kernel.contexts import IDENTITY, Context
from exchanger.kernel.origin import Origin
from exchanger.wiring import databases
from identity import session_rows
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("web")
ROW = "a" * 64


@pytest.fixture
def row():
    user = UserFactory()
    created_at = timezone.now()
    expires_at = created_at + timedelta(hours=1)
    version = session_rows.insert(
        ROW,
        str(user.id),
        Context.WEB,
        b'{"pair": "USD/UAH"}',
        expires_at=expires_at,
        created_at=created_at,
        origin=Origin("203.0.113.9", "curl"),
    )
    return session_rows.SessionRow({"pair": "USD/UAH"}, str(user.id), expires_at, created_at, version)


def prepared():
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_a_row_comes_back_as_it_was_written(row):
    assert session_rows.select(ROW, Context.WEB) == row
    assert session_rows.select(ROW, Context.ADMIN) is None


def test_a_statement_is_prepared_at_its_first_execution_and_once(row):
    for _ in range(3):
        session_rows.select(ROW, Context.WEB)
    assert len([statement for statement in prepared() if "SELECT session_data" in statement]) == 1
    connections[IDENTITY].close()
    assert prepared() == []
    assert session_rows.select(ROW, Context.WEB) == row


def test_through_pgbouncer_nothing_is_prepared(row, monkeypatch):
    monkeypatch.setenv("EXCHANGER_CONTEXT", "web")
    monkeypatch.setenv("PGBOUNCER", "true")
    for alias in ("identity", "web"):
        monkeypatch.setenv(f"{alias.upper()}_DATABASE_URL", "postgresql://exchanger_web:p@h/exchanger_web")
    wired = databases(Environment())[IDENTITY]["OPTIONS"]["prepare_threshold"]
    connection = connections[IDENTITY]
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", wired)
    assert session_rows.select(ROW, Context.WEB) == row
    assert prepared() == []
    connection.close()


def test_statements_are_counted_and_logged_like_any_other(row, django_assert_num_queries):
    with django_assert_num_queries(1, connection=connections[IDENTITY]) as sent:
        session_rows.select(ROW, Context.WEB)
    assert "SELECT session_data" in sent.captured_queries[0]["sql"]
    assert len([statement for statement in prepared() if "SELECT session_data" in statement]) == 1


def test_a_wrapper_around_statements_sees_them(row):
    seen = []

    def refuse(execute, sql, params, many, context):
        seen.append(params)
        raise PermissionError

    with connections[IDENTITY].execute_wrapper(refuse), pytest.raises(PermissionError):
        session_rows.update(ROW, row.user_id, Context.WEB, b"{}", expires_at=row.expires_at)
    assert len(seen) == 1
    assert session_rows.select(ROW, Context.WEB) == row


def test_errors_are_djangos_and_a_broken_transaction_refuses_the_next_statement(row):
    with transaction.atomic(using=IDENTITY):
        with pytest.raises(DataError), transaction.atomic(using=IDENTITY):
            session_rows.update(ROW, "no uuid", Context.WEB, b"{}", expires_at=row.expires_at)
        transaction.set_rollback(True, using=IDENTITY)
        with pytest.raises(transaction.TransactionManagementError):
            session_rows.update(ROW, row.user_id, Context.WEB, b"{}", expires_at=row.expires_at)
    assert session_rows.select(ROW, Context.WEB) == row


def test_a_connection_that_died_is_replaced_where_django_checks_it(row, world):
    connection = connections[IDENTITY]
    pid = connection.connection.info.backend_pid
    world.superuser(IDENTITY).execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    connection.close_if_unusable_or_obsolete()  # as at the start of a request
    assert session_rows.select(ROW, Context.WEB) == row
    assert connection.connection.info.backend_pid != pid
