"""When the demo keeps away: its passwords are known to everybody, so it belongs on nobody's server but one's own."""

from ipaddress import ip_address
from itertools import zip_longest
from typing import Any

from django.db import connections
from psycopg import pq

from exchanger.kernel.contexts import ALIASES, current_or_none


class DemoRefused(RuntimeError):
    """The demo was not made, and nothing was written; the message names the remedy."""


def require_maintenance() -> None:
    """Let only the schema's owner pass: a context's login may not write what the demo writes.

    Raises:
        DemoRefused: in a context's process.
    """
    if (context := current_or_none()) is not None:
        raise DemoRefused(f"This is a process of context '{context}': leave EXCHANGER_CONTEXT out for the demo data.")


def require_local_databases() -> None:
    """Let only databases pass that are reached by a unix socket or a loopback address.

    Raises:
        DemoRefused: some are elsewhere; nothing was connected to.
    """
    remote = {alias: host for alias in ALIASES if (host := _remote_host(connections[alias].get_connection_params()))}
    if remote:
        places = ", ".join(f"{alias} at {host}" for alias, host in remote.items())
        raise DemoRefused(
            f"Not a local database: {places}. The demo's logins have a password that everybody knows; "
            "give --force if this server may have them."
        )


def _remote_host(parameters: dict[str, Any]) -> str | None:
    """The first host that is not this machine, of what libpq would connect to; None when there is none."""
    defaults = {option.keyword.decode(): option.val for option in pq.Conninfo.get_defaults()}  # PGHOST and its like

    def given(name: str) -> str:
        default = defaults.get(name)
        return str(parameters.get(name) or (default.decode() if default else ""))

    if service := given("service"):
        return f"service {service}"
    addresses, names = given("hostaddr").split(","), given("host").split(",")
    hosts = [address or name for address, name in zip_longest(addresses, names, fillvalue="")]
    return next((host for host in hosts if not _is_local(host)), None)


def _is_local(host: str) -> bool:
    if not host or host == "localhost" or host.startswith(("/", "@")):
        return True  # libpq's default is a unix socket too, and @ begins an abstract one
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name, which may resolve to anything
