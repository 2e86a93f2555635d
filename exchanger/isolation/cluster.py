"""Roles and databases on a PostgreSQL server, made by its superuser; running it again changes nothing."""

from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from exchanger.isolation.credentials import Credentials
from exchanger.kernel.contexts import ALIASES, BACKUP_ROLE, OWNER_ROLE, SPECS, database_name

CONNECTIONS_PER_CONTEXT = 60
STATEMENT_TIMEOUT = "5s"  # a request never waits longer; the owner's migrations may
LOCK_TIMEOUT = "3s"
IDLE_TIMEOUT = "15s"
_SERVER_NUMBERS = Path(__file__).with_name("sql") / "server.sql"
_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"


def bootstrap(superuser_dsns: Mapping[str, str], credentials: Credentials) -> list[str]:
    """Create or correct everything; returns a line for each thing done.

    ``superuser_dsns`` gives each alias its server's superuser. The databases may share a server or not.

    Raises:
        psycopg.Error: a server is not reachable, or the login is no superuser.
    """
    done = []
    for alias in ALIASES:
        dsn = superuser_dsns[alias]
        with psycopg.connect(dsn, autocommit=True) as connection:
            done += _roles(connection, credentials)
            done += _database(connection, alias)
        with psycopg.connect(dsn, dbname=database_name(alias), autocommit=True) as connection:
            _schema(connection, alias)
            done.append(f"{database_name(alias)}: schema privileges set")
    return list(dict.fromkeys(done))


def roles_with_connect(alias: str) -> list[str]:
    """Who may connect to an alias's database: its contexts' logins and the backup's, beside the owner."""
    return [*(spec.role for spec in SPECS.values() if alias in spec.aliases), BACKUP_ROLE]


def _roles(connection: psycopg.Connection, credentials: Credentials) -> list[str]:
    # One bootstrap at a time: a role cannot be altered twice at once.
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('exchanger bootstrap'))")
        return [_role(connection, role, password) for role, password in credentials.roles.items()]


def _role(connection: psycopg.Connection, role: str, password: str) -> str:
    name = sql.Identifier(role)
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None
    connection.execute(
        sql.SQL("{verb} ROLE {name} {attributes} {bypass} CONNECTION LIMIT {limit} PASSWORD {password}").format(
            verb=sql.SQL("ALTER" if known else "CREATE"),
            name=name,
            attributes=sql.SQL(_ATTRIBUTES),
            # A dump under row-level security would silently lack rows; this login reads all and writes nothing.
            bypass=sql.SQL("BYPASSRLS" if role == BACKUP_ROLE else "NOBYPASSRLS"),
            limit=sql.Literal(CONNECTIONS_PER_CONTEXT if role in _context_roles() else -1),
            password=sql.Literal(password),
        )
    )
    if role in _context_roles():
        for setting, value in (
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("lock_timeout", LOCK_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
        ):
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )
    connection.execute(sql.SQL("ALTER ROLE {} SET timezone = 'UTC'").format(name))
    return f"role {role}: {'updated' if known else 'created'}"


def _database(connection: psycopg.Connection, alias: str) -> list[str]:
    name, owner = sql.Identifier(database_name(alias)), sql.Identifier(OWNER_ROLE)
    known = connection.execute("SELECT FROM pg_database WHERE datname = %s", (database_name(alias),)).fetchone()
    if known is None:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(name, owner)
        )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {}, postgres, template1 FROM PUBLIC").format(name))
    for role in _context_roles():
        verb = (
            "GRANT CONNECT ON DATABASE {} TO {}"
            if role in roles_with_connect(alias)
            else ("REVOKE ALL ON DATABASE {} FROM {}")
        )
        connection.execute(sql.SQL(verb).format(name, sql.Identifier(role)))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(BACKUP_ROLE)))
    return [f"database {database_name(alias)}: {'created' if known is None else 'kept'}"]


def _schema(connection: psycopg.Connection, alias: str) -> None:
    owner = sql.Identifier(OWNER_ROLE)
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in roles_with_connect(alias):
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(role)))
    # Only the global form takes EXECUTE away from new functions; "IN SCHEMA" would add to it and take nothing.
    connection.execute(
        sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC").format(owner)
    )
    # Large objects are tables by another name, which PUBLIC may fill in any database that it may connect to.
    connection.execute(
        "REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC"
    )
    # The same text each time, so two bootstraps at once are kept apart: a function cannot be replaced twice at once.
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('exchanger bootstrap'))")
        connection.execute(_SERVER_NUMBERS.read_bytes())
    _backup(connection, owner)


def _backup(connection: psycopg.Connection, owner: sql.Identifier) -> None:
    """Every table and sequence of ours, now and later. pg_read_all_data would also read the logins' passwords."""
    backup = sql.Identifier(BACKUP_ROLE)
    connection.execute(sql.SQL("REVOKE pg_read_all_data FROM {}").format(backup))
    for kind in (sql.SQL("TABLES"), sql.SQL("SEQUENCES")):
        connection.execute(sql.SQL("GRANT SELECT ON ALL {} IN SCHEMA public TO {}").format(kind, backup))
        connection.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT SELECT ON {} TO {}").format(
                owner, kind, backup
            )
        )


def _context_roles() -> list[str]:
    return [spec.role for spec in SPECS.values()]
