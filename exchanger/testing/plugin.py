"""The pytest plugin: servers for the test process, and the context that a test runs in."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.servers import TestServers

if TYPE_CHECKING:
    from exchanger.testing.binding import Binding

# Django reads its settings before any fixture runs, so the environment is there first; nothing is started yet.
os.environ.pop("EXCHANGER_CONTEXT", None)
_servers = TestServers()
os.environ.update(_servers.environments.for_process(""))
os.environ.pop("STATIC_ROOT")
os.environ["REDIS_TIMEOUT"] = "1"  # seconds: a busy machine that runs tests is no outage of Redis

# The same algorithm with the least work it takes: what is stored here keeps nobody out. Processes do the whole work.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1

# A busy machine fails no test for being slow, a run leaves no folder in the checkout, and two runs try the same unless
# HYPOTHESIS_EXPLORES is set.
hypothesis.register_profile(
    "exchanger",
    deadline=None,
    database=None,
    derandomize="HYPOTHESIS_EXPLORES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis.load_profile("exchanger")


@pytest.fixture(scope="session")
def servers(django_db_blocker: Any) -> TestServers:
    """This process's PostgreSQL and Valkey, bootstrapped and migrated as in production."""
    from django.core.management import call_command

    _servers.acquire()
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0, stdout=io.StringIO())
    return _servers


@pytest.fixture(scope="session")
def binding(servers: TestServers) -> Iterator["Binding"]:
    """Switches the process between contexts; tests use the marker or ``as_context``."""
    from exchanger.testing import factories
    from exchanger.testing.binding import Binding

    binding = Binding(servers.environments)
    factories.as_owner = lambda: binding.bound(None)
    yield binding
    binding.close()


@pytest.fixture
def world(servers: TestServers, binding: "Binding", django_db_blocker: Any) -> Iterator[TestServers]:
    """Empty databases and an empty Redis. Commits are real, and undone after the test by emptying everything."""
    with django_db_blocker.unblock():
        yield servers
        servers.empty()


@pytest.fixture
def as_context(world: TestServers, binding: "Binding") -> Callable[[str | None], AbstractContextManager[None]]:
    """``with as_context("admin"):`` be a process of that context; None is maintenance."""
    return lambda name: binding.bound(None if name is None else Context(name))


@pytest.fixture(scope="session")
def processes(servers: TestServers) -> Iterator[dict[Context, ApplicationProcess]]:
    """The three applications as processes of their own, sharing this test process's PostgreSQL and Valkey."""
    running: dict[Context, ApplicationProcess] = {}
    try:
        for context in Context:
            log = servers.paths.logs / f"{context}.log"
            running[context] = ApplicationProcess(context, servers.environments, log)
        yield running
    finally:
        for process in running.values():
            process.stop()


@pytest.fixture(autouse=True)
def _marked_context(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("context")
    if marker is None:
        yield
        return
    request.getfixturevalue("world")
    with request.getfixturevalue("binding").bound(Context(marker.args[0])):
        yield
