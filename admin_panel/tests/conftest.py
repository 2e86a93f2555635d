from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from admin_panel.second_factor import PASSED_AT, session_pass
from exchanger.isolation.acl import rules
from exchanger.kernel.contexts import ALIASES, Context
from identity.models import User
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory


def passed_session(user: User, *, seconds_ago: int = 0) -> str:
    """The key of a session whose person has given a code of their second factor."""
    session = session_open(user=user)
    session_pass(session)
    session[PASSED_AT] -= seconds_ago
    session.save()
    assert session.session_key is not None
    return session.session_key


def bearer(*permissions: str, seconds_ago: int = 0) -> Client:
    """A client of the API with a session of somebody with these permissions, who gave their code so long ago."""
    client: Any = Client(SERVER_NAME="localhost")
    client.person = UserFactory(permissions={"admin": permissions})
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {passed_session(client.person, seconds_ago=seconds_ago)}"
    return client


@pytest.fixture
def visitor() -> Client:
    return Client(SERVER_NAME="localhost")


@pytest.fixture
def operator_with(visitor) -> Callable[..., Client]:
    """A browser in which somebody with these permissions in the admin context, or with none, has a session."""

    def log_in(*permissions: str) -> Client:
        visitor.person = UserFactory(permissions={"admin": permissions})
        visitor.cookies[settings.SESSION_COOKIE_NAME] = passed_session(visitor.person)
        return visitor

    return log_in


@pytest.fixture
def operator(operator_with) -> Client:
    return operator_with("*")


@pytest.fixture
def statements() -> Callable[..., dict[str, list[str]]]:
    """What a call sends to each database."""

    def record(call: Callable[[], object]) -> dict[str, list[str]]:
        recorders = {alias: CaptureQueriesContext(connections[alias]) for alias in ALIASES}
        for recorder in recorders.values():
            recorder.__enter__()
        try:
            call()
        finally:
            for recorder in recorders.values():
                recorder.__exit__(None, None, None)
        return {alias: [query["sql"] for query in recorder] for alias, recorder in recorders.items()}

    return record


@pytest.fixture
def broken_redis(world) -> Iterator[None]:
    """Redis answers the admin process with errors only."""
    with world.redis() as client:
        client.execute_command("ACL", "SETUSER", Context.ADMIN, "nocommands")
        yield
        client.execute_command("ACL", "SETUSER", Context.ADMIN, *rules(Context.ADMIN))


@pytest.fixture
def everything(world) -> Callable[[], dict[str, object]]:
    """All that a refused request must not have left behind: the rows of every table, and the keys in Redis.

    The audit trail and the counters stay out: that the refusal is in them is the rule.
    """

    def read() -> dict[str, object]:
        found: dict[str, object] = {}
        for alias in ALIASES:
            server = world.superuser(alias)
            tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                if alias == "admin" and table.startswith("audit_"):
                    continue
                found[f"{alias}.{table}"] = sorted(server.execute(f"SELECT t::text FROM {table} t").fetchall())
        with world.redis() as client:
            found["redis"] = sorted(key for key in client.keys("*") if b":throttle:" not in key)
        return found

    return read
