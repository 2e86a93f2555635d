"""The platform as `make contract` meets it: throwaway servers, the demo's data, and the three applications."""

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.servers import TestServers
from identity.tests.init_data import TOKEN

# Thousands of requests come from one person in a minute, from an address each (see hooks.py).
EXTRA = {
    "TRUSTED_PROXIES": "1",
    **{f"API_{scope}_PER_MINUTE": "1000000" for scope in ("READS", "WRITES", "QUOTES", "ORDERS", "HISTORY", "EXPORTS")},
    "LOG_LEVEL": "WARNING",
}


@contextmanager
def running() -> Iterator[dict[Context, ApplicationProcess]]:
    """The applications by context; they and their servers are gone at the end."""
    servers = TestServers()
    servers.acquire()
    _fill(servers)
    with ExitStack() as stack:
        applications = {}
        for context in Context:
            extra = {**EXTRA, **({"TELEGRAM_BOT_TOKEN": TOKEN} if context is Context.TELEGRAM else {})}
            log = servers.paths.logs / f"{context}.log"
            applications[context] = ApplicationProcess(context, servers.environments, log, threads=4, extra=extra)
            stack.callback(applications[context].stop)
        yield applications


def _fill(servers: TestServers) -> None:
    os.environ.update(servers.environments.for_process(""))
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchanger.settings"

    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    for command in ("migrate", "seed_demo"):
        call_command(command, verbosity=0, stdout=io.StringIO())
    connections.close_all()
