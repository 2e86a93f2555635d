"""What no attempt would show: attributes and memberships of roles, who owns what, and what future objects will get."""

from collections.abc import Iterator

import psycopg

from exchanger.isolation.attempts.results import Answer, Happened, Result, expect
from exchanger.isolation.credentials import login_roles
from exchanger.kernel.contexts import BACKUP_ROLE, OWNER_ROLE

SECTION = "Roles and ownership, as the catalogue has them"
_ATTRIBUTES = """
SELECT rolname, attribute, held FROM pg_roles CROSS JOIN LATERAL (VALUES
    ('superuser', rolsuper), ('createdb', rolcreatedb), ('createrole', rolcreaterole),
    ('replication', rolreplication), ('bypassrls', rolbypassrls)) AS a (attribute, held)
WHERE rolname = ANY(%s) ORDER BY rolname, attribute
"""
# Each query returns what must not be, one line a fault; %(roles)s are our logins, %(owner)s the schema's.
_FAULTS = {
    "be a member of a role": """
        SELECT member::regrole::text || ' is a member of ' || roleid::regrole::text FROM pg_auth_members
        WHERE member::regrole::text = ANY(%(roles)s)
    """,
    "have members": """
        SELECT member::regrole::text || ' is a member of ' || roleid::regrole::text
        FROM pg_auth_members JOIN pg_roles m ON m.oid = member
        WHERE roleid::regrole::text = ANY(%(roles)s) AND NOT m.rolsuper
    """,
    "own anything but the owner": """
        SELECT refobjid::regrole::text || ' owns '
            || CASE WHEN dbid IN (0, d.oid) THEN pg_describe_object(classid, objid, objsubid)
               ELSE 'something in database ' || dbid END
        FROM pg_shdepend JOIN pg_database d ON d.datname = current_database()
        WHERE deptype = 'o' AND refclassid = 'pg_authid'::regclass
            AND refobjid::regrole::text = ANY(%(roles)s) AND refobjid::regrole::text <> %(owner)s
    """,
    "pass privileges on": """
        SELECT grantee::regrole::text || ' may grant ' || privilege_type || ' on ' || object FROM (
            SELECT oid::regclass::text AS object, relacl AS acl FROM pg_class
            UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute
            UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc
            UNION ALL SELECT nspname::text, nspacl FROM pg_namespace
            UNION ALL SELECT datname::text, datacl FROM pg_database
        ) AS objects CROSS JOIN aclexplode(acl)
        WHERE is_grantable AND grantee <> 0
            AND grantee::regrole::text = ANY(%(roles)s) AND grantee::regrole::text <> %(owner)s
    """,
    "get privileges on future objects": """
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
            || ' will get ' || privilege_type || ' on objects of ' || defaclrole::regrole::text
        FROM pg_default_acl CROSS JOIN aclexplode(defaclacl)
        WHERE grantee <> defaclrole AND defaclrole::regrole::text = ANY(%(roles)s)
            AND (grantee::regrole::text, privilege_type) <> (%(backup)s, 'SELECT')
    """,
    "let PUBLIC call future functions": """
        SELECT 'no default privilege takes EXECUTE from PUBLIC' WHERE NOT EXISTS (
            SELECT FROM pg_default_acl
            WHERE defaclrole::regrole::text = %(owner)s AND defaclnamespace = 0 AND defaclobjtype = 'f'
        )
    """,
    "have SECURITY DEFINER functions without search_path": """
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE prosecdef AND proowner::regrole::text = %(owner)s
            AND NOT EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting LIKE 'search_path=%%')
    """,
    "have foreign servers": "SELECT srvname::text FROM pg_foreign_server",
}


def ask_roles(owner: psycopg.Connection, server: str) -> Iterator[Result]:
    """The attributes of every login; only the backup's may pass row-level security."""
    found = owner.execute(_ATTRIBUTES, (login_roles(),)).fetchall()
    for role, attribute, held in found:
        allowed = (role, attribute) == (BACKUP_ROLE, "bypassrls")
        answer = Answer(Happened.DONE if held else Happened.REFUSED)
        statement = f"rol{attribute} of {role} in pg_roles"
        yield Result(SECTION, role, server, f"be {attribute}", expect(allowed), answer, statement)


def ask_faults(owner: psycopg.Connection, alias: str) -> Iterator[Result]:
    values = {"roles": login_roles(), "owner": OWNER_ROLE, "backup": BACKUP_ROLE}
    for fault, query in _FAULTS.items():
        lines = [line for (line,) in owner.execute(query.encode(), values)]
        answer = Answer(Happened.DONE, "; ".join(lines)) if lines else Answer(Happened.REFUSED)
        yield Result(SECTION, "the logins", f"database {alias}", fault, expect(allowed=False), answer, query.strip())
