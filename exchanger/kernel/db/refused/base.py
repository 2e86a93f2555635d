"""A backend that knows PostgreSQL's features and opens no connection.

It stands behind ``default`` and behind every database that the process's context may not reach, so a query that
lost its alias, or strayed, fails at once and says why. Django asks the default connection for its features when
it builds inserts with database-side defaults; an empty ``{}`` there would answer wrongly.
"""

from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQLWrapper


class RefusedConnection(ImproperlyConfigured):
    """The process may not, or cannot, use this database; the message names the remedy."""


class DatabaseWrapper(PostgreSQLWrapper):
    """Raises RefusedConnection, with the ``REFUSAL`` of its settings, at the first attempt to connect."""

    def get_connection_params(self) -> dict[str, Any]:
        return {}

    def get_new_connection(self, conn_params: dict[str, Any]) -> NoReturn:
        raise RefusedConnection(self.settings_dict["REFUSAL"])
