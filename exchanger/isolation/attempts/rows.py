"""Row-level security: each login against the rows of every context, rows that are really there."""

import uuid
from collections.abc import Iterator

from psycopg import sql

from exchanger.isolation import matrix
from exchanger.isolation.attempts.postgres import Login, by_rows, text
from exchanger.isolation.attempts.results import Answer, Result, expect
from exchanger.isolation.attempts.throwaway import KINDS, Kind, Throwaway
from exchanger.kernel.contexts import IDENTITY, Context

SECTION = "Rows of shared tables"
_SELECT = sql.SQL("SELECT FROM {table} WHERE {column} = {value}")
_CHANGES = {
    "update": sql.SQL("UPDATE {table} SET {column} = {column} WHERE {column} = {value}"),
    "delete": sql.SQL("DELETE FROM {table} WHERE {column} = {value}"),
}
_MOVE = sql.SQL("UPDATE {table} SET {owner_column} = {owner} WHERE {column} = {value}")
_TAKE_OVER = sql.SQL("{insert} ON CONFLICT (id) DO UPDATE SET application_context = EXCLUDED.application_context")
_UNSECURED = sql.SQL("SET LOCAL row_security = off; SELECT FROM {table} WHERE false")
_STATISTICS = sql.SQL("SELECT FROM pg_stats WHERE tablename = {table}")
_REVOKE = sql.SQL("SELECT FROM revoke_user_sessions({user})")


def try_rows(login: Login, person: Throwaway) -> Iterator[Result]:
    """Everything that a login may do to its own rows, done to everybody's."""
    for kind in KINDS:
        for whose in Context:
            yield from _try_kind(login, kind, whose, person)
    for table in sorted({kind.table for kind in KINDS}):
        yield from _around_policies(login, table)
    if matrix.may_call(login.role, login.alias, "revoke_user_sessions(uuid)"):
        statement = _REVOKE.format(user=sql.Literal(person.user_id))
        answer = by_rows(login.attempt(statement))
        target = f"{login.alias}.sessions of all"
        yield Result(SECTION, login.role, target, "revoke", expect(allowed=True), answer, text(statement))


def _try_kind(login: Login, kind: Kind, whose: Context, person: Throwaway) -> Iterator[Result]:
    context = matrix.context_of(login.role)
    verbs = matrix.verbs(login.role, IDENTITY, kind.table)
    reaches = context is None or whose in matrix.ROWS[kind.name][context]

    def result(verb: str, answer: Answer, statement: sql.Composable) -> Result:
        target = f"{IDENTITY}.{kind.name} of {whose}"
        return Result(SECTION, login.role, target, verb, expect(reaches), answer, text(statement))

    select = _SELECT.format(**_names(kind, whose, person.mark))
    yield result("select", by_rows(login.attempt(select)), select)
    # The login's own row is one that it makes itself in the same transaction: of the committed ones some are held.
    mark = uuid.uuid4().hex
    inserted = kind.inserted(whose, person.user_id, mark)
    if "insert" in verbs:
        yield result("insert", login.attempt(inserted), inserted)
    for verb, change in _CHANGES.items():
        if verb in verbs:
            statement = change.format(**_names(kind, whose, mark if reaches else person.mark))
            answer = login.attempt(statement, prepare=inserted if reaches else None)
            yield result(verb, by_rows(answer), statement)
    if context is None or whose is context or not {"insert", "update"} <= verbs.keys():
        return
    own = kind.inserted(context, person.user_id, mark)
    handed = sql.Literal(str(kind.owned_by(whose, mark)))
    move = _MOVE.format(**_names(kind, context, mark), owner_column=sql.Identifier(kind.owner_column), owner=handed)
    yield result("hand over", by_rows(login.attempt(move, prepare=own)), move)
    if kind.table == "sessions":
        theirs = kind.insert.format(
            value=sql.Literal(kind.value(whose, person.mark)),
            user=sql.Literal(person.user_id),
            context=sql.Literal(str(context)),
        )
        take_over = _TAKE_OVER.format(insert=theirs)
        yield result("take over", login.attempt(take_over), take_over)


def _around_policies(login: Login, table: str) -> Iterator[Result]:
    """Row-level security switched off by a setting, and the statistics that PostgreSQL keeps of the values."""
    dumps = matrix.context_of(login.role) is None
    unsecured = _UNSECURED.format(table=sql.Identifier(table))
    target = f"{login.alias}.{table} of all"
    answer = login.attempt(unsecured)
    yield Result(SECTION, login.role, target, "switch row_security off", expect(dumps), answer, text(unsecured))
    if not dumps:
        statistics = _STATISTICS.format(table=sql.Literal(table))
        answer = by_rows(login.attempt(statistics))
        verb = "read pg_stats"
        yield Result(SECTION, login.role, target, verb, expect(allowed=False), answer, text(statistics))


def _names(kind: Kind, context: Context, mark: str) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier(kind.table),
        "column": sql.Identifier(kind.column),
        "value": sql.Literal(kind.value(context, mark)),
    }
