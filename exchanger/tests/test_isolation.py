"""``manage.py check_isolation``: the servers refuse what they must, and the command sees it when they do not.

Each drift below is a real change on the real servers, undone after the test; the command must name it and nothing else.
"""

import io
import re
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from django.core.management import CommandError, call_command

from admin_panel.tests.factories import AuditLogFactory
from bot.tests.factories import NotificationFactory
from exchanger.environment import WrongEnvironment
from exchanger.isolation import matrix
from exchanger.isolation.acl import set_users
from exchanger.isolation.attempts.deployment import Deployment
from exchanger.isolation.attempts.throwaway import throwaway
from exchanger.isolation.grants import apply_grants
from exchanger.kernel.cache.namespaces import NAMESPACES
from exchanger.kernel.contexts import ALIASES, SPECS, Context, database_name
from exchanger.local.environments import BOOTSTRAP
from exchanger.testing.servers import TestServers
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.tests.factories import PaymentFactory

_BREACH = re.compile(r"(GOT THROUGH|WRONGLY REFUSED): (.+?) on (.+): ([^(]+?)(?: \((.+)\))?")


class Breach(NamedTuple):
    kind: str
    login: str
    target: str
    verb: str
    parts: str = ""


class Outcome(NamedTuple):
    """``error`` is what the command failed with, "" where it passed."""

    error: str
    output: str

    @property
    def breaches(self) -> set[Breach]:
        found = (_BREACH.fullmatch(line) for line in self.output.splitlines())
        return {Breach(*(part or "" for part in match.groups())) for match in found if match}


def through(login: str, target: str, verb: str, parts: str = "") -> Breach:
    return Breach("GOT THROUGH", login, target, verb, parts)


@pytest.fixture
def check(world: TestServers, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    for name, value in world.environments.read(BOOTSTRAP).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Outcome:
        output = io.StringIO()
        try:
            call_command("check_isolation", *arguments, stdout=output)
        except CommandError as error:
            return Outcome(str(error), output.getvalue())
        return Outcome("", output.getvalue())

    return run


@pytest.fixture
def bend(world: TestServers) -> Iterator[Callable[[str, str, str], None]]:
    """``bend(alias, change, undo)`` changes a server behind the platform's back, until the test is over."""
    undone: list[tuple[str, str]] = []

    def change(alias: str, statement: str, undo: str) -> None:
        undone.append((alias, undo))
        world.superuser(alias).execute(statement.encode())

    yield change
    for alias, undo in reversed(undone):
        world.superuser(alias).execute(undo.encode())
    for alias in ALIASES:
        apply_grants(alias, force=True)


@pytest.fixture
def bend_redis(world: TestServers) -> Iterator[Callable[..., None]]:
    """``bend_redis("web", "+keys")`` changes a Redis user, until the test is over."""

    def change(*rule: str) -> None:
        with world.redis() as client:
            client.execute_command("ACL", "SETUSER", *rule)

    yield change
    set_users(world.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_URL"], world.environments.credentials())


def everything(world: TestServers) -> dict[str, object]:
    """Every row of every table, and every key with its value."""
    found: dict[str, object] = {}
    for alias in ALIASES:
        connection = world.superuser(alias)
        tables = connection.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables.fetchall():
            rows = connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1".encode()).fetchall()
            found[f"{alias}.{table}"] = rows
    with world.redis() as client:
        found["keys"] = {key: client.get(key) for key in sorted(client.keys("*"))}
    return found


# --- A sound platform --------------------------------------------------------------------------------------------


def test_what_is_forbidden_is_refused_what_is_allowed_works_and_nothing_stays_behind(check, world, as_context):
    user = UserFactory(permissions={context: ["*"] for context in Context})
    for context in Context:
        with as_context(context):
            session_open(user=user)
    PaymentFactory(user_id=user.pk)
    AuditLogFactory()
    NotificationFactory()
    before = everything(world)
    assert len(before["keys"]) == len(Context)

    outcome = check()

    assert outcome.error == ""
    assert outcome.breaches == set()
    assert re.search(
        r"^\d+ attempts: \d+ refused .+, \d+ allowed .+, 0 got through, 0 wrongly refused$", outcome.output, re.M
    )
    assert everything(world) == before


def test_every_login_is_tried_on_every_table_that_it_may_reach(check, world):
    lines = {tuple(line.split()[:2]) for line in check().output.splitlines()}
    for alias in ALIASES:
        tables = world.superuser(alias).execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [name for (name,) in tables]
        assert set(matrix.TABLES[alias]) <= set(names)
        for role in [spec.role for spec in SPECS.values() if alias in spec.aliases] + ["exchanger_backup"]:
            assert {(role, f"{alias}.{name}") for name in names} <= lines


def test_every_namespace_of_the_code_is_in_the_matrix():
    declared = {namespace.pattern(context) for namespace in NAMESPACES for context in namespace.contexts}
    assert declared <= {f"{prefix}*" for prefix in matrix.KEYS}


def test_a_missing_password_ends_the_check_with_the_variables_name(check, monkeypatch):
    monkeypatch.delenv("EXCHANGER_REDIS_ADMIN_PASSWORD")
    with pytest.raises(WrongEnvironment, match="EXCHANGER_REDIS_ADMIN_PASSWORD is not set"):
        check()


def test_an_unreachable_server_is_an_error_and_no_refusal(check, monkeypatch, tmp_path):
    monkeypatch.setenv("BOT_DATABASE_URL", f"postgresql://anyone@/exchanger_bot?host={tmp_path}")
    outcome = check()
    assert outcome.error.startswith("PostgreSQL cannot be checked: ")
    assert outcome.output == ""


def test_the_throwaway_person_goes_also_when_the_check_breaks_off(check, world):
    deployment = deployment_of(world)
    before = everything(world)
    with deployment.owner("identity") as owner, pytest.raises(ZeroDivisionError), throwaway(owner):
        1 / 0  # noqa: B018
    assert everything(world) == before


def test_a_person_left_behind_by_a_killed_check_is_removed_by_the_next(check, world):
    UserFactory(email=f"isolation-check-{uuid.uuid4().hex}@invalid")
    world.superuser("identity").execute("UPDATE users SET created_at = now() - interval '2 hours'")
    kept = UserFactory()
    outcome = check("--quiet")
    assert outcome.error == ""
    assert re.fullmatch(r"\d+ attempts: .+, 0 got through, 0 wrongly refused\n", outcome.output)
    assert world.superuser("identity").execute("SELECT id FROM users").fetchall() == [(kept.pk,)]


def test_a_live_process_that_takes_the_checks_rows_ends_it_and_nothing_stays_behind(check, bend, world):
    before = everything(world)
    bend(
        "identity",
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        " CREATE TRIGGER swallow BEFORE INSERT ON cache_invalidations FOR EACH ROW EXECUTE FUNCTION swallow()",
        "DROP FUNCTION swallow() CASCADE",
    )
    assert check().error.endswith("run it again.")
    assert everything(world) == before


def test_a_table_that_only_the_matrix_has_is_named(check, monkeypatch):
    monkeypatch.setitem(matrix.TABLES["bot"], "vanished", {Context.TELEGRAM: "select"})
    assert check().breaches == {Breach("WRONGLY REFUSED", "exchanger_telegram", "bot.vanished", "select")}


def deployment_of(world: TestServers) -> Deployment:
    values = world.environments.read(BOOTSTRAP) | world.environments.for_process("")
    urls = {alias: values[f"{alias.upper()}_DATABASE_URL"] for alias in ALIASES}
    return Deployment(urls, values["REDIS_URL"], world.environments.credentials())


# --- Drifts --------------------------------------------------------------------------------------------------------

_AS_OWNER = "SET ROLE exchanger_owner; {} RESET ROLE"
_SET_ROLE_ONLY = "GRANT exchanger_web TO exchanger_telegram WITH INHERIT FALSE, SET TRUE"

_FUTURE = "ALTER DEFAULT PRIVILEGES FOR ROLE exchanger_owner IN SCHEMA public"

# name: where, what, how it is undone, the breaches that it makes
DRIFTS: dict[str, tuple[str, str, str, set[Breach]]] = {
    "a verb": (
        "web",
        "GRANT DELETE, TRUNCATE ON payments TO exchanger_web",
        "REVOKE DELETE, TRUNCATE ON payments FROM exchanger_web",
        {through("exchanger_web", "web.payments", verb) for verb in ("delete", "truncate")},
    ),
    "a verb that a trigger stops, behind the privilege": (
        "web",
        "GRANT UPDATE (amount) ON transactions TO exchanger_web",
        "REVOKE UPDATE (amount) ON transactions FROM exchanger_web",
        {through("exchanger_web", "web.transactions", "update", "amount")},
    ),
    "a column to read": (
        "identity",
        "GRANT SELECT (password_hash) ON users TO exchanger_telegram",
        "REVOKE SELECT (password_hash) ON users FROM exchanger_telegram",
        {through("exchanger_telegram", "identity.users", "select", "password_hash")},
    ),
    "a column to write": (
        "web",
        "GRANT UPDATE (amount) ON orders TO exchanger_admin",
        "REVOKE UPDATE (amount) ON orders FROM exchanger_admin",
        {through("exchanger_admin", "web.orders", "update", "amount")},
    ),
    "a table behind a closed database": (
        "web",
        "GRANT SELECT ON orders TO exchanger_telegram",
        "REVOKE SELECT ON orders FROM exchanger_telegram",
        {through("exchanger_telegram", "web.*", "select", "orders")},
    ),
    "a database": (
        "admin",
        "GRANT CONNECT ON DATABASE exchanger_admin TO exchanger_web",
        "REVOKE CONNECT ON DATABASE exchanger_admin FROM exchanger_web",
        {through("exchanger_web", "exchanger_admin", "hold connect")},
    ),
    "a table that nobody has declared": (
        "identity",
        _AS_OWNER.format("CREATE TABLE forgotten (id integer); GRANT INSERT ON forgotten TO PUBLIC;"),
        "DROP TABLE forgotten",
        {
            through(role, "identity.forgotten", "insert", "id")
            for role in ("exchanger_web", "exchanger_admin", "exchanger_telegram", "exchanger_backup")
        },
    ),
    "a view of the owner's, which sees every row": (
        "identity",
        _AS_OWNER.format(
            "CREATE VIEW every_session AS SELECT * FROM sessions; GRANT SELECT ON every_session TO exchanger_web;"
        ),
        "DROP VIEW every_session",
        {through("exchanger_web", "identity.*", "select", "every_session")},
    ),
    "a sequence": (
        "bot",
        "GRANT ALL ON SEQUENCE cache_invalidations_id_seq TO exchanger_admin",
        "REVOKE ALL ON SEQUENCE cache_invalidations_id_seq FROM exchanger_admin",
        {
            through("exchanger_admin", "bot.*", verb, "cache_invalidations_id_seq")
            for verb in ("nextval", "setval", "select")
        },
    ),
    "a function": (
        "identity",
        "GRANT EXECUTE ON FUNCTION revoke_user_sessions(uuid) TO exchanger_web",
        "REVOKE EXECUTE ON FUNCTION revoke_user_sessions(uuid) FROM exchanger_web",
        {through("exchanger_web", "identity.*", verb, "revoke_user_sessions(uuid)") for verb in ("call", "execute")},
    ),
    "a function that runs as its owner, where its caller says": (
        "admin",
        _AS_OWNER.format("CREATE FUNCTION lured() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"),
        "DROP FUNCTION lured()",
        {through("the logins", "database admin", "have SECURITY DEFINER functions without search_path")},
    ),
    "a policy": (
        "identity",
        "CREATE POLICY leak ON user_permissions FOR SELECT TO exchanger_telegram USING (application_context = 'admin')",
        "DROP POLICY leak ON user_permissions",
        {through("exchanger_telegram", "identity.user_permissions of admin", "select")},
    ),
    "temporary tables": (
        "web",
        "GRANT TEMPORARY ON DATABASE exchanger_web TO exchanger_web",
        "REVOKE TEMPORARY ON DATABASE exchanger_web FROM exchanger_web",
        {
            through("exchanger_web", "exchanger_web", "hold temporary"),
            through("exchanger_web", "database web", "create temporary table"),
        },
    ),
    "a grant option": (
        "bot",
        "GRANT SELECT ON messages TO exchanger_admin WITH GRANT OPTION",
        "REVOKE GRANT OPTION FOR SELECT ON messages FROM exchanger_admin",
        {through("the logins", "database bot", "pass privileges on")},
    ),
    "future tables": (
        "web",
        f"{_FUTURE} GRANT SELECT ON TABLES TO exchanger_admin",
        f"{_FUTURE} REVOKE SELECT ON TABLES FROM exchanger_admin",
        {through("the logins", "database web", "get privileges on future objects")},
    ),
    "future functions": (
        "bot",
        "ALTER DEFAULT PRIVILEGES FOR ROLE exchanger_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE exchanger_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        {through("the logins", "database bot", "let PUBLIC call future functions")},
    ),
    "a trigger": (
        "admin",
        "ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_append_only",
        "ALTER TABLE audit_logs ENABLE TRIGGER audit_logs_append_only",
        {through("exchanger_owner", "admin.audit_logs", verb) for verb in ("update", "delete", "truncate")},
    ),
    "a parameter": (
        "web",
        "GRANT SET ON PARAMETER session_replication_role TO exchanger_web",
        "REVOKE SET ON PARAMETER session_replication_role FROM exchanger_web",
        {through("exchanger_web", f"database {alias}", "session_replication_role") for alias in ("identity", "web")},
    ),
    "a file": (
        "bot",
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO exchanger_telegram",
        "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM exchanger_telegram",
        {through("exchanger_telegram", "database bot", "pg_read_file")},
    ),
    "an attribute": (
        "identity",
        "ALTER ROLE exchanger_telegram CREATEDB",
        "ALTER ROLE exchanger_telegram NOCREATEDB",
        {
            *(through("exchanger_telegram", alias, "be createdb") for alias in ALIASES),
            *(through("exchanger_telegram", f"database {alias}", "create database") for alias in ("identity", "bot")),
        },
    ),
    "a membership": (
        "identity",
        _SET_ROLE_ONLY,
        "REVOKE exchanger_web FROM exchanger_telegram",
        {
            *(through("the logins", f"database {alias}", "be a member of a role") for alias in ALIASES),
            *(through("the logins", f"database {alias}", "have members") for alias in ALIASES),
            *(through("exchanger_telegram", f"database {a}", "set role", "exchanger_web") for a in ("identity", "bot")),
        },
    ),
    "an owner": (
        "bot",
        "CREATE SCHEMA aside AUTHORIZATION exchanger_backup",
        "DROP SCHEMA aside",
        {through("the logins", f"database {alias}", "own anything but the owner") for alias in ALIASES},
    ),
    "something taken away": (
        "bot",
        "REVOKE INSERT ON notifications FROM exchanger_admin",
        "GRANT INSERT ON notifications TO exchanger_admin",
        set(),  # one for each column, see the test
    ),
}


def test_every_drift_is_named_and_nothing_else(check, bend, world):
    expected: set[Breach] = set()
    for alias, statement, undo, breaches in DRIFTS.values():
        bend(alias, statement, undo)
        expected |= breaches
    columns = world.superuser("bot").execute(
        "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = 'notifications'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    expected.add(Breach("WRONGLY REFUSED", "exchanger_admin", "bot.notifications", "insert", columns.fetchone()[0]))
    PaymentFactory()
    NotificationFactory()
    before = everything(world), sequence_state(world)

    outcome = check("--quiet")

    assert outcome.error == "The isolation is breached."
    assert outcome.breaches == expected
    assert "    DELETE FROM payments WHERE false\n" in outcome.output
    assert (everything(world), sequence_state(world)) == before


def sequence_state(world: TestServers) -> object:
    return world.superuser("bot").execute("SELECT last_value, is_called FROM cache_invalidations_id_seq").fetchone()


_HANDS_OFF = {"select", "insert", "update", "delete", "hand over", "take over"}


def test_row_level_security_switched_off_shows_in_every_context_and_costs_no_row(check, bend, world, as_context):
    user = UserFactory()
    for context in Context:
        with as_context(context):
            session_open(user=user)
    before = everything(world)
    world.superuser("identity").execute("ANALYZE sessions")  # which the server does by itself, some time or other
    bend(
        "identity",
        "ALTER TABLE sessions DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE sessions ENABLE ROW LEVEL SECURITY",
    )
    outcome = check()
    assert outcome.error
    foreign = {
        through(SPECS[context].role, f"identity.sessions of {whose}", verb)
        for context in Context
        for whose in Context
        if whose is not context
        for verb in _HANDS_OFF
    }
    unguarded = {
        through(spec.role, "identity.sessions of all", verb)
        for spec in SPECS.values()
        for verb in ("switch row_security off", "read pg_stats")
    }
    assert outcome.breaches == foreign | unguarded
    assert everything(world) == before


def test_a_login_that_passes_row_level_security_shows(check, bend):
    bend("identity", "ALTER ROLE exchanger_web BYPASSRLS", "ALTER ROLE exchanger_web NOBYPASSRLS")
    outcome = check()
    assert {breach.login for breach in outcome.breaches} == {"exchanger_web"}
    assert {through("exchanger_web", alias, "be bypassrls") for alias in ALIASES} < outcome.breaches
    assert {
        through("exchanger_web", f"identity.sessions of {whose}", verb)
        for whose in (Context.ADMIN, Context.TELEGRAM)
        for verb in _HANDS_OFF
    } < outcome.breaches
    assert through("exchanger_web", "identity.user_permissions of admin", "select") in outcome.breaches


def test_a_foreign_key_pattern_in_redis_shows_for_each_command_it_opens(check, bend_redis, world):
    bend_redis("web", "~cache:admin:metrics:*")
    outcome = check()
    opened = {through("redis web", "cache:admin:metrics:*", verb) for verb in matrix.KEY_COMMANDS}
    together = {
        through("redis web", "identity:session:web:* with cache:admin:metrics:*", verb)
        for verb in ("mget", "del", "exists", "eval")
    }
    assert outcome.breaches == opened | together
    with world.redis() as client:
        assert client.keys("*") == []


def test_foreign_commands_in_redis_show_and_do_nothing(check, bend_redis, world):
    bend_redis("web", "+config|get", "+keys")
    bend_redis("telegram", "+flushall", "+shutdown", "+monitor")
    bend_redis("admin", "-persist")
    with world.redis() as client:
        client.set("cache:web:orders:kept", "1")
        outcome = check()
        assert client.get("cache:web:orders:kept") == b"1"
    assert outcome.breaches == {
        through("redis web", "the server", "config get"),
        through("redis web", "the server", "keys"),
        *(through("redis telegram", "the server", verb) for verb in ("flushall", "shutdown", "monitor")),
        *(
            Breach("WRONGLY REFUSED", "redis admin", f"{prefix}*", "persist")
            for prefix, (owner, _) in matrix.KEYS.items()
            if owner is Context.ADMIN
        ),
    }


def test_a_default_user_of_redis_who_may_do_more_shows_and_bootstrap_closes_it(check, bend_redis, world):
    bend_redis("default", "on", "nopass", "~*", "&*", "+@all")
    assert {breach.login for breach in check().breaches} == {"redis (not logged in)"}
    credentials = world.environments.credentials()
    lines = set_users(f"unix://{world.valkey.socket}", credentials)
    assert "redis user default: left as it is, since this is its login; it must have a password" in lines
    lines = set_users(world.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_URL"], credentials)
    assert "redis user default: may PING" in lines
    assert check().error == ""


def test_a_login_without_a_password_voids_the_check_which_stops_there(check, bend_redis, world):
    rules = world.paths.postgres_data / "pg_hba.conf"
    sound = rules.read_text()
    bend_redis("telegram", "nopass")
    try:
        rules.write_text("local exchanger_bot exchanger_backup,postgres trust\n" + sound)
        reload(world)
        outcome = check()
    finally:
        rules.write_text(sound)
        reload(world)
    assert outcome.error.startswith("A login is open without its password")
    ways = ("log in with a wrong password", "log in without a password")
    assert outcome.breaches == {
        *(through(role, database_name("bot"), way) for role in ("exchanger_backup", "postgres") for way in ways),
        *(through("redis telegram", "redis", way) for way in ways),
    }
    assert "\nTables" not in outcome.output


def reload(world: TestServers) -> None:
    """Have PostgreSQL read pg_hba.conf again; new connections are under it when this returns."""
    connection = world.superuser("identity")
    before = connection.execute("SELECT pg_conf_load_time()").fetchone()
    connection.execute("SELECT pg_reload_conf()")
    while connection.execute("SELECT pg_conf_load_time()").fetchone() == before:
        pass
