"""Every table and sequence that the live catalogue has, verb by verb and column by column."""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from psycopg import sql

from exchanger.isolation import matrix
from exchanger.isolation.attempts.postgres import READ_ONLY, Login, text
from exchanger.isolation.attempts.results import Answer, Happened, Result, expect

SECTION = "Tables, column by column"
SEQUENCES = "Sequences"

# Names come quoted, and qualified unless they are in schema public.
_NAME = "CASE nspname WHEN 'public' THEN '' ELSE quote_ident(nspname) || '.' END || quote_ident(relname)"
_OURS = "nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp_)'"
_TABLES = f"""
SELECT {_NAME}, relkind::text,
       array_agg(quote_ident(attname) ORDER BY attnum), array_agg(attgenerated <> '' ORDER BY attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid
WHERE {_OURS} AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped
GROUP BY nspname, relname, relkind ORDER BY nspname, relname
"""  # noqa: S608
_SEQUENCES = f"""
SELECT {_NAME} FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE {_OURS} AND relkind = 'S' ORDER BY nspname, relname
"""  # noqa: S608
_HELD = f"""
SELECT {_NAME}, role, verb,
       CASE WHEN verb IN ('select', 'insert', 'update', 'references') THEN has_any_column_privilege(role, c.oid, verb)
            ELSE has_table_privilege(role, c.oid, verb) END
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    CROSS JOIN unnest(%(roles)s::text[]) role CROSS JOIN unnest(%(verbs)s::text[]) verb
WHERE {_OURS} AND relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY role, array_position(%(verbs)s::text[], verb), nspname, relname
"""  # noqa: S608
_MAINTAIN_SINCE = 170000

# No row is touched: PostgreSQL asks for the privilege before it looks for rows.
_COLUMN_STATEMENTS = {
    "select": sql.SQL("SELECT {column} FROM {table} WHERE false"),
    "insert": sql.SQL("INSERT INTO {table} ({column}) OVERRIDING SYSTEM VALUE SELECT NULL WHERE false"),
    "update": sql.SQL("UPDATE {table} SET {column} = DEFAULT WHERE false"),
}
_TABLE_STATEMENTS = {
    "delete": sql.SQL("DELETE FROM {table} WHERE false"),
    "truncate": sql.SQL("TRUNCATE {table}"),
}
# In a read-only transaction a sequence refuses to move, but only after the privilege was found.
_NEXT = sql.SQL("SET TRANSACTION READ ONLY; SELECT nextval({name})")
_SET = sql.SQL("SET TRANSACTION READ ONLY; SELECT setval({name}, 1)")
_LAST = sql.SQL("SELECT last_value FROM {table}")


class Table(NamedTuple):
    """``columns`` with whether each is generated; what is not ``plain`` is a view or a foreign table."""

    name: str
    kind: str
    columns: list[str]
    generated: list[bool]

    @property
    def plain(self) -> bool:
        return self.kind in {"r", "p"}


def read_tables(owner: psycopg.Connection) -> list[Table]:
    return [Table(*row) for row in owner.execute(_TABLES.encode())]


def read_sequences(owner: psycopg.Connection) -> list[str]:
    return [name for (name,) in owner.execute(_SEQUENCES.encode())]


def try_tables(login: Login, tables: list[Table]) -> Iterator[Result]:
    """Every verb on every table as one login; a table that only the matrix knows counts as refused."""
    for table in tables:
        if table.plain:
            yield from _columns(login, table)
            yield from _whole(login, table)
    context = matrix.context_of(login.role)
    for missing in matrix.TABLES[login.alias].keys() - {table.name for table in tables}:
        for verb in matrix.verbs(login.role, login.alias, missing) if context else ():
            answer = Answer(Happened.FAILED, "the matrix declares a table that the database has not")
            yield _result(login, missing, verb, answer, sql.SQL("the live catalogue"))


def _columns(login: Login, table: Table) -> Iterator[Result]:
    for verb in matrix.COLUMN_VERBS:
        for column, generated in zip(table.columns, table.generated, strict=True):
            if generated and verb == "insert":
                continue  # refused to everybody, the owner included
            names = {"table": _quoted(table.name), "column": _quoted(column)}
            statement = _COLUMN_STATEMENTS[verb].format(**names)
            yield _result(login, table.name, verb, login.attempt(statement), statement, column)


def _whole(login: Login, table: Table) -> Iterator[Result]:
    for verb in matrix.TABLE_VERBS:
        statement = _TABLE_STATEMENTS[verb].format(table=_quoted(table.name))
        yield _result(login, table.name, verb, login.attempt(statement), statement)


def ask_catalogue(owner: psycopg.Connection, alias: str, tables: list[Table], roles: list[str]) -> Iterator[Result]:
    """What cannot be tried without a lock, or not at all: a login that may not connect, a view, silent verbs."""
    verbs = [*matrix.COLUMN_VERBS, *matrix.TABLE_VERBS, *matrix.SILENT_VERBS]
    if owner.info.server_version < _MAINTAIN_SINCE:
        verbs.remove("maintain")
    plain = {table.name for table in tables if table.plain}
    for name, role, verb, held in owner.execute(_HELD.encode(), {"roles": roles, "verbs": verbs}):
        tried = name in plain and matrix.may_connect(role, owner.info.dbname) and verb not in matrix.SILENT_VERBS
        if tried:
            continue
        allowed = matrix.may_connect(role, owner.info.dbname) and matrix.may(role, alias, name, verb)
        answer = Answer(Happened.DONE if held else Happened.REFUSED)
        statement = f"has_any_column_privilege('{role}', '{name}', '{verb}')"
        yield Result(SECTION, role, f"{alias}.*", verb, expect(allowed), answer, statement, part=name)


def try_sequences(login: Login, sequences: list[str]) -> Iterator[Result]:
    draws = matrix.may_draw(login.role, login.alias)
    backs_up = matrix.context_of(login.role) is None
    verbs = (("nextval", _NEXT, draws), ("setval", _SET, False), ("select", _LAST, backs_up))
    for name in sequences:
        names = {"name": sql.Literal(name), "table": _quoted(name)}
        for verb, template, allowed in verbs:
            statement = template.format(**names)
            answer = login.attempt(statement, proof=READ_ONLY)
            yield Result(
                SEQUENCES, login.role, f"{login.alias}.*", verb, expect(allowed), answer, text(statement), name
            )


def _result(login: Login, table: str, verb: str, answer: Answer, statement: sql.Composable, column: str = "") -> Result:
    expected = expect(matrix.may(login.role, login.alias, table, verb, column))
    return Result(SECTION, login.role, f"{login.alias}.{table}", verb, expected, answer, text(statement), column)


def _quoted(name: str) -> sql.SQL:
    """A name as the catalogue gave it, quoted there."""
    return sql.SQL(name)
