"""Connecting, and what a database as a whole allows; the logins that got in are kept for the attempts that follow."""

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import psycopg

from exchanger.isolation import matrix
from exchanger.isolation.attempts.deployment import Deployment
from exchanger.isolation.attempts.postgres import Login
from exchanger.isolation.attempts.results import Answer, Expected, Happened, Result, expect
from exchanger.isolation.credentials import login_roles
from exchanger.kernel.contexts import ALIASES, OWNER_ROLE, database_name

SECTION = "Databases"
# What pg_hba.conf hides today a missing REVOKE opens tomorrow, so the catalogue is asked beside the attempt.
_PRIVILEGES = "SELECT datname, has_database_privilege(%s, oid, %s) FROM pg_database WHERE datname = ANY(%s)"


def attacked_roles() -> list[str]:
    """Every login but the owner, whose databases they are."""
    return [role for role in login_roles() if role != OWNER_ROLE]


class Databases:
    """Tries to connect everywhere; ``logins`` are those that got in where they may. Close it by ``opened``."""

    def __init__(self, deployment: Deployment, owners: dict[str, psycopg.Connection], opened: ExitStack) -> None:
        self.logins: list[Login] = []
        self._deployment = deployment
        self._owners = owners
        self._opened = opened

    def try_all(self) -> Iterator[Result]:
        for role in attacked_roles():
            for alias in ALIASES:
                yield self._connect(role, alias, database_name(alias))
                yield from self._privileges(role, alias, [database_name(alias)])
            for alias in self._one_alias_per_server():
                for database in matrix.FORBIDDEN_DATABASES:
                    yield self._connect(role, alias, database)
                yield from self._privileges(role, alias, list(matrix.FORBIDDEN_DATABASES))

    def _connect(self, role: str, alias: str, database: str) -> Result:
        expected = expect(matrix.may_connect(role, database))
        try:
            connection = self._opened.enter_context(self._deployment.connect(alias, role, database=database))
        except psycopg.OperationalError as error:
            answer = Answer(Happened.REFUSED, str(error))
        else:
            answer = Answer(Happened.DONE)
            if expected is Expected.ALLOWED:
                self.logins.append(Login(role, alias, connection))
        return Result(SECTION, role, database, "connect", expected, answer, f"connect to {database} as {role}")

    def _privileges(self, role: str, alias: str, databases: list[str]) -> Iterator[Result]:
        for privilege in ("CONNECT", "CREATE", "TEMPORARY"):
            for database, held in self._owners[alias].execute(_PRIVILEGES, (role, privilege, databases)):
                allowed = privilege == "CONNECT" and matrix.may_connect(role, database)
                answer = Answer(Happened.DONE if held else Happened.REFUSED)
                statement = f"has_database_privilege('{role}', '{database}', '{privilege}')"
                verb = f"hold {privilege.lower()}"
                yield Result(SECTION, role, database, verb, expect(allowed), answer, statement)

    def _one_alias_per_server(self) -> list[str]:
        servers: dict[tuple[str, str], str] = {}
        for alias, url in self._deployment.urls.items():
            parts = urlsplit(url)
            servers.setdefault((parts.netloc.rpartition("@")[2], parts.query), alias)
        return list(servers.values())
