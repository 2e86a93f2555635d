"""Functions of ours: the catalogue is asked about every one, and those that the matrix names are called too."""

import secrets
import uuid
from collections.abc import Iterator

import psycopg
from psycopg import sql

from exchanger.isolation import matrix
from exchanger.isolation.attempts.postgres import Login, text
from exchanger.isolation.attempts.results import Answer, Happened, Result, expect

SECTION = "Functions"
# An extension's functions are the extension's affair: they compute, and read no table.
_HELD = """
SELECT p.oid::regprocedure::text, role, has_function_privilege(role, p.oid, 'EXECUTE')
FROM pg_proc p CROSS JOIN unnest(%s::text[]) role
WHERE pronamespace <> ALL (ARRAY['pg_catalog', 'information_schema']::regnamespace[])
    AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
ORDER BY 1, 2
"""


def try_functions(login: Login) -> Iterator[Result]:
    """Call what the matrix names, with ids that nobody has."""
    for function in matrix.FUNCTIONS.get(login.alias, {}):
        statement = _call(function)
        yield _result(login.role, login.alias, function, "call", login.attempt(statement), text(statement))


def ask_catalogue(owner: psycopg.Connection, alias: str, roles: list[str]) -> Iterator[Result]:
    for function, role, held in owner.execute(_HELD, (roles,)):
        answer = Answer(Happened.DONE if held else Happened.REFUSED)
        statement = f"has_function_privilege('{role}', '{function}', 'EXECUTE')"
        yield _result(role, alias, function, "execute", answer, statement)


def _result(role: str, alias: str, function: str, verb: str, answer: Answer, statement: str) -> Result:
    expected = expect(matrix.may_call(role, alias, function))
    return Result(SECTION, role, f"{alias}.*", verb, expected, answer, statement, part=function)


def _call(function: str) -> sql.Composed:
    """A call with a random argument of each type: a person, a chat or a key that does not exist.

    None is NULL: a strict function of NULL is never called, and so never refused.
    """
    name, _, signature = function.rstrip(")").partition("(")
    word, number = uuid.uuid4(), secrets.randbits(60)
    samples = {"uuid": word, "text": str(word), "character varying": str(word), "bigint": -number, "integer": -1}
    arguments = [sql.Literal(samples[kind]) for kind in signature.split(",") if kind]
    return sql.SQL("SELECT FROM {}({})").format(sql.Identifier(name), sql.SQL(", ").join(arguments))
