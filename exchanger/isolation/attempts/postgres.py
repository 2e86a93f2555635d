"""One statement at a time, as one login, in a transaction that is rolled back."""

import psycopg
from psycopg import sql

from exchanger.isolation.attempts.results import Answer, Happened

INSUFFICIENT_PRIVILEGE = "42501"
READ_ONLY = "25006"  # comes after the privilege was found
TRIGGERED = "23001"  # restrict_violation, which the append-only triggers raise
_GUARD = sql.SQL("SET LOCAL lock_timeout = '250ms'; SET LOCAL statement_timeout = '5s'; ")


class Login:
    """A role's connection (in autocommit) to one alias's database."""

    def __init__(self, role: str, alias: str, connection: psycopg.Connection) -> None:
        self.role = role
        self.alias = alias
        self.connection = connection

    def attempt(
        self,
        statement: sql.Composable,
        *,
        prepare: sql.Composable | None = None,
        refusal: str = INSUFFICIENT_PRIVILEGE,
        proof: str | None = None,
    ) -> Answer:
        """Run ``statement`` and roll it back.

        ``prepare`` runs before it in the same transaction. ``refusal`` is the one SQLSTATE that is a refusal;
        ``proof`` one that only who has the privilege can meet.
        """
        try:
            with self.connection.transaction(force_rollback=True):
                if prepare is not None:
                    self._run(prepare)
                return Answer(Happened.DONE, rows=self._run(statement))
        except psycopg.Error as error:
            return _answer(error, refusal, proof)

    def attempt_alone(self, statement: sql.Composable) -> Answer:
        """Run a statement that no transaction may hold; it must be one that fails after its privilege was asked."""
        try:
            self.connection.execute(text(statement).encode())
        except psycopg.Error as error:
            return _answer(error, INSUFFICIENT_PRIVILEGE, None)
        return Answer(Happened.DONE)

    def _run(self, statement: sql.Composable) -> int:
        cursor = self.connection.execute(text(_GUARD + statement).encode())
        while cursor.nextset():
            pass
        return cursor.rowcount


def by_rows(answer: Answer) -> Answer:
    """Row-level security refuses by showing nothing: no row is a refusal."""
    if answer.happened is Happened.DONE and answer.rows == 0:
        return Answer(Happened.REFUSED, "no row")
    return answer


def text(statement: sql.Composable) -> str:
    return statement.as_string(None)


def _answer(error: psycopg.Error, refusal: str, proof: str | None) -> Answer:
    said = f"{error.sqlstate} {error.diag.message_primary or error}".strip()
    if error.sqlstate == refusal:
        return Answer(Happened.REFUSED, said)
    return Answer(Happened.DONE if error.sqlstate == proof else Happened.FAILED, said)
