"""Where the process's databases are and as whom it logs in, read as Django will read it, without connecting."""

from dataclasses import dataclass
from typing import Any

from django.db import connections

from exchanger.kernel.contexts import ALIASES
from exchanger.wiring import REFUSED

POSTGRESQL_PORT = "5432"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One database as its URL names it; ``host`` is empty for PostgreSQL's own socket."""

    alias: str
    host: str
    port: str
    database: str
    user: str
    authenticated: bool

    @property
    def is_local(self) -> bool:
        """Whether every host is a unix socket or this machine's loopback."""
        return all(not host or host.startswith("/") or host in _LOOPBACK for host in self.host.split(","))


def endpoints() -> list[Endpoint]:
    """The databases that the process can connect to."""
    wired = {alias: connections.settings[alias] for alias in ALIASES}
    return [_endpoint(alias, values) for alias, values in wired.items() if values["ENGINE"] != REFUSED]


def is_local() -> bool:
    """Whether all databases are on this machine, so that nobody else is served from them."""
    return all(endpoint.is_local for endpoint in endpoints())


def _endpoint(alias: str, values: dict[str, Any]) -> Endpoint:
    options = values["OPTIONS"]
    return Endpoint(
        alias=alias,
        # A URL's query can name anything that libpq knows; hostaddr and dbname win there over host and path.
        host=str(options.get("hostaddr") or values["HOST"] or options.get("host") or ""),
        port=str(values["PORT"] or options.get("port") or POSTGRESQL_PORT),
        database=str(options.get("dbname") or values["NAME"]),
        user=str(values["USER"] or options.get("user") or ""),
        authenticated=bool(values["PASSWORD"] or {"password", "passfile", "sslcert"} & set(options)),
    )
