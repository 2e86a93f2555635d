"""What a login must never do whatever the tables' grants say: be another, change the schema, reach the machine."""

import secrets
from collections.abc import Iterator

import psycopg
from psycopg import sql

from exchanger.isolation import matrix
from exchanger.isolation.attempts.postgres import TRIGGERED, Login, by_rows, text
from exchanger.isolation.attempts.results import Answer, Expected, Result
from exchanger.kernel.contexts import OWNER_ROLE

SECTION = "Beyond the tables"
SHARED = "Shared by design with whoever may connect"
APPEND_ONLY = "Tables that only grow, for their owner too"
_MARK = f"isolation_check_{secrets.token_hex(8)}"
_NAME = sql.Identifier(_MARK)

_SCHEMA = {
    "create table": sql.SQL("CREATE TABLE {name} ()"),
    "create temporary table": sql.SQL("CREATE TEMPORARY TABLE {name} ()"),
    "create view": sql.SQL("CREATE VIEW {name} AS SELECT 1"),
    "create function": sql.SQL("CREATE FUNCTION {name}() RETURNS integer LANGUAGE sql AS 'SELECT 1'"),
    "create schema": sql.SQL("CREATE SCHEMA {name}"),
    "alter table": sql.SQL("ALTER TABLE django_migrations ADD COLUMN {name} integer"),
    "drop table": sql.SQL("DROP TABLE django_migrations"),
    "comment on table": sql.SQL("COMMENT ON TABLE django_migrations IS 'isolation check'"),
    "alter schema": sql.SQL("ALTER SCHEMA public RENAME TO {name}"),
    "alter database": sql.SQL("ALTER DATABASE {database} SET timezone = 'UTC'"),
    "alter default privileges": sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO PUBLIC"),
    "create publication": sql.SQL("CREATE PUBLICATION {name}"),
    "create event trigger": sql.SQL(
        "CREATE EVENT TRIGGER {name} ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
}
_SCHEMA_OF = {
    "identity": {
        "disable row-level security": sql.SQL("ALTER TABLE sessions DISABLE ROW LEVEL SECURITY"),
        "drop policy": sql.SQL("DROP POLICY web_rows ON sessions"),
        "create policy": sql.SQL("CREATE POLICY {name} ON sessions USING (true)"),
        "alter function": sql.SQL("ALTER FUNCTION revoke_user_sessions(uuid) RENAME TO {name}"),
    },
    "web": {"disable trigger": sql.SQL("ALTER TABLE transactions DISABLE TRIGGER ALL")},
    "admin": {"disable trigger": sql.SQL("ALTER TABLE audit_logs DISABLE TRIGGER ALL")},
}
_SERVER = {
    "create role": sql.SQL("CREATE ROLE {name}"),
    "alter role": sql.SQL("ALTER ROLE {owner} VALID UNTIL 'infinity'"),
    "alter own role": sql.SQL("ALTER ROLE CURRENT_USER BYPASSRLS"),
    "copy to program": sql.SQL("COPY (SELECT 1) TO PROGRAM 'true'"),
    "copy to file": sql.SQL("COPY (SELECT 1) TO '/dev/null'"),
    "pg_read_file": sql.SQL("SELECT pg_read_file('PG_VERSION')"),
    "pg_ls_dir": sql.SQL("SELECT pg_ls_dir('.')"),
    "pg_hba_file_rules": sql.SQL("SELECT FROM pg_hba_file_rules LIMIT 0"),
    "lo_import": sql.SQL("SELECT lo_import('/dev/null')"),
    "lo_create": sql.SQL("SELECT lo_create(0)"),
    "lo_from_bytea": sql.SQL("SELECT lo_from_bytea(0, 'isolation check')"),
    "pg_authid": sql.SQL("SELECT rolpassword FROM pg_authid LIMIT 0"),
    "pg_statistic": sql.SQL("SELECT stavalues1 FROM pg_statistic LIMIT 0"),
    "pg_reload_conf": sql.SQL("SELECT pg_reload_conf()"),
    "others' queries": sql.SQL(
        "SELECT FROM pg_stat_activity WHERE usename <> current_user AND query NOT IN ('', '<insufficient privilege>')"
    ),
    "cancel another's query": sql.SQL("SELECT pg_cancel_backend({owner_pid})"),
    "session_replication_role": sql.SQL("SET LOCAL session_replication_role = replica"),
}
_REFUSED_BY_NO_ROW = {"others' queries"}
# These run outside a transaction, in forms that only who has the privilege sees fail for another reason.
_ALONE = {
    "create database": sql.SQL("CREATE DATABASE {name} TEMPLATE {name}"),
    "alter system": sql.SQL("ALTER SYSTEM SET work_mem = 'isolation check'"),
}
_SHARED = {
    "listen and notify": sql.SQL("LISTEN {name}; NOTIFY {name}"),
    "advisory locks": sql.SQL("SELECT pg_try_advisory_xact_lock({number})"),
    "names in the catalogue": sql.SQL("SELECT relname FROM pg_class LIMIT 1"),
    "names of roles and databases": sql.SQL("SELECT rolname FROM pg_roles LIMIT 1"),
}
_EXTENSION = """
SELECT e.name FROM pg_available_extensions e
    JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
WHERE e.installed_version IS NULL ORDER BY v.trusted DESC, e.name LIMIT 1
"""


def try_server(login: Login, owner: psycopg.Connection) -> Iterator[Result]:
    """``owner`` is the check's own connection to the same database: the one whose query could be cancelled."""
    names = {
        "name": _NAME,
        "owner": sql.Identifier(OWNER_ROLE),
        "database": sql.Identifier(owner.info.dbname),
        "owner_pid": sql.Literal(owner.info.backend_pid),
        "number": sql.Literal(secrets.randbits(62)),
    }
    for verb, statement in {**_SCHEMA, **_SCHEMA_OF.get(login.alias, {}), **_SERVER, **_extension(owner)}.items():
        ready = statement.format(**names)
        answer = login.attempt(ready)
        if verb in _REFUSED_BY_NO_ROW:
            answer = by_rows(answer)
        yield _result(login, verb, Expected.REFUSED, answer, ready)
    for verb, statement in _ALONE.items():
        ready = statement.format(**names)
        yield _result(login, verb, Expected.REFUSED, login.attempt_alone(ready), ready)
    for verb, statement in _SHARED.items():
        ready = statement.format(**names)
        yield _result(login, verb, Expected.SHARED, login.attempt(ready), ready)


def try_to_be_others(login: Login, owner: psycopg.Connection) -> Iterator[Result]:
    """SET ROLE and SET SESSION AUTHORIZATION to every role of the server."""
    for (role,) in owner.execute("SELECT rolname FROM pg_roles WHERE rolname <> %s ORDER BY oid", (login.role,)):
        for verb, template in (
            ("set role", sql.SQL("SET ROLE {}")),
            ("set session authorization", sql.SQL("SET SESSION AUTHORIZATION {}")),
        ):
            statement = template.format(sql.Identifier(role))
            yield _result(login, verb, Expected.REFUSED, login.attempt(statement), statement, part=role)


def try_append_only(login: Login) -> Iterator[Result]:
    """As the owner, on the tables that the matrix names: the triggers fire for a statement that touches no row."""
    for table, key in matrix.APPEND_ONLY.get(login.alias, {}).items():
        names = {"table": sql.Identifier(table), "key": sql.Identifier(key)}
        for verb, template in (
            ("update", sql.SQL("UPDATE {table} SET {key} = {key} WHERE false")),
            ("delete", sql.SQL("DELETE FROM {table} WHERE false")),
            ("truncate", sql.SQL("TRUNCATE {table}")),
        ):
            statement = template.format(**names)
            answer = login.attempt(statement, refusal=TRIGGERED)
            target = f"{login.alias}.{table}"
            yield Result(APPEND_ONLY, login.role, target, verb, Expected.REFUSED, answer, text(statement))


def _extension(owner: psycopg.Connection) -> dict[str, sql.SQL]:
    """One that the server could install, preferably one that any creator in the database might."""
    found = owner.execute(_EXTENSION).fetchone()
    return {} if found is None else {f"create extension {found[0]}": sql.SQL(f'CREATE EXTENSION "{found[0]}"')}


def _result(
    login: Login, verb: str, expected: Expected, answer: Answer, statement: sql.Composable, part: str = ""
) -> Result:
    section = SHARED if expected is Expected.SHARED else SECTION
    return Result(section, login.role, f"database {login.alias}", verb, expected, answer, text(statement), part)
