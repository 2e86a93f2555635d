"""Looking declared references up: the ids of a column are streamed in order, and asked for where they should be."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connections, transaction
from psycopg import sql

from admin_panel.references.declared import REFERENCES, Reference, Target
from exchanger.kernel.contexts import Context, current_or_none, require

logger = logging.getLogger(__name__)

BATCH = 5_000  # ids that are asked for at a time
FIRST = 5  # ids that are told

_IDS = sql.SQL(
    "SELECT {column}, count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} IS DISTINCT FROM {stand_in}"
    " GROUP BY {column} ORDER BY {column}"
)
_THERE = sql.SQL("SELECT id FROM {table} WHERE id = ANY(%s)")


class OrphanReferences(Exception):
    """Some rows name what is not there."""


@dataclass(slots=True)
class Checked:
    """What was found of one reference: how many ids it holds, and of which there are no rows.

    ``missing`` is how many such ids, ``rows`` how many rows hold them, and ``first`` the lowest of them.
    """

    reference: Reference
    ids: int = 0
    missing: int = 0
    rows: int = 0
    first: list[UUID] = field(default_factory=list)


def references_check(references: Iterable[Reference] = REFERENCES) -> Iterator[Checked]:
    """Look every reference up, one after the other; each costs the same memory, however many rows there are.

    A process of the admin context leaves out what its login does not read; the owner sees all. An id is looked for
    after it was read, so what is made meanwhile is no orphan.

    Raises:
        ForeignContext: in another context's process, whose login sees two databases of four.
    """
    if current_or_none() is not None:
        require(Context.ADMIN)
    for reference in references:
        if current_or_none() is None or not reference.owner_only:
            yield _check(reference)


def orphans_refuse() -> None:
    """Check every reference, and log what names a row that is not there.

    Raises:
        OrphanReferences: there is one, so that the night's job fails.
    """
    orphans = [checked for checked in references_check() if checked.missing]
    for each in orphans:
        logger.error("%d rows of %s name what is not there, such as %s", each.rows, each.reference, each.first[0])
    if orphans:
        raise OrphanReferences(f"{len(orphans)} columns name what is not there: run manage.py check_references")


def _check(reference: Reference) -> Checked:
    checked = Checked(reference)
    for counted in _counted_ids(reference):
        there = _there(reference.target, list(counted))
        orphans = [(each, rows) for each, rows in counted.items() if each not in there]
        checked.ids += len(counted)
        checked.missing += len(orphans)
        checked.rows += sum(rows for _, rows in orphans)
        checked.first += [each for each, _ in orphans][: FIRST - len(checked.first)]
    return checked


def _counted_ids(reference: Reference) -> Iterator[dict[UUID, int]]:
    """The column's ids in order, each with the number of its rows, BATCH at a time.

    The cursor lives within one transaction, which PgBouncer keeps on one server; sorting a large table takes longer
    than a login's statements may.
    """
    statement = _IDS.format(
        column=sql.Identifier(reference.column),
        table=sql.Identifier(reference.table),
        stand_in=sql.Literal(reference.stand_in),
    )
    with transaction.atomic(using=reference.alias):
        connection = connections[reference.alias]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET TRANSACTION READ ONLY")
        with connection.connection.cursor(name="references") as ids:
            ids.execute(statement)
            while rows := ids.fetchmany(BATCH):
                yield dict(rows)


def _there(target: Target, wanted: Sequence[UUID]) -> set[UUID]:
    connection = connections[target.alias]
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(_THERE.format(table=sql.Identifier(target.table)), (list(wanted),))
        return {found for (found,) in cursor.fetchall()}
