"""Recomputes the audit trail's chain from the rows themselves, in batches, and names the first that does not fit."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from admin_panel.canonical import CHAINED, FIRST_PREVIOUS, link_text, row_text
from exchanger.kernel.contexts import SPECS, Context

ALIAS = SPECS[Context.ADMIN].alias
BATCH = 1000

# NULL where the row is gone. The text is made here, from the columns, and not by any function of the database.
_ROW_TEXT = "CASE c.entry {} END".format(
    " ".join(
        f"WHEN '{table}' THEN CASE WHEN {table}.id IS NOT NULL THEN {row_text(table, table)} END" for table in CHAINED
    )
)
_ROWS = " ".join(f"LEFT JOIN {table} ON c.entry = '{table}' AND {table}.id = c.row_id" for table in CHAINED)
_LINKS = f"""
SELECT seq, entry, row_id, previous_hash, hash, chained_at,
       {link_text("seq", "entry", "chained_at", "previous_hash", "row_text")}
FROM (
    SELECT c.*, {_ROW_TEXT} AS row_text FROM audit_chain c {_ROWS} WHERE c.seq > %s ORDER BY c.seq LIMIT %s
) link ORDER BY seq
"""  # noqa: S608
_HEAD = "SELECT seq, hash, chained_at FROM audit_chain ORDER BY seq DESC LIMIT 1"
_UNCHAINED = """
SELECT r.id, c.seq FROM (SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s) r
LEFT JOIN audit_chain c ON c.row_id = r.id AND c.entry = '{table}' ORDER BY r.id
"""
_ORPHANS = """
SELECT o.audit_id, o.id, l.id FROM (SELECT id, audit_id FROM audit_outcomes WHERE audit_id > %s ORDER BY audit_id
LIMIT %s) o LEFT JOIN audit_logs l ON l.id = o.audit_id ORDER BY o.audit_id
"""
_LOWEST = UUID(int=0)


class Bent(Exception):
    """The trail is not what was written; the message names the first row that shows it."""


class Head(NamedTuple):
    """A place of the chain: whoever keeps one elsewhere can later tell that nothing up to it has changed."""

    seq: int
    hash: str
    time: datetime


@dataclass(slots=True)
class Verified:
    """``links`` in the chain, all of them whole; ``head`` is the last, None in an empty chain."""

    links: int = 0
    head: Head | None = None


def read_head() -> Head | None:
    """The last link as the database has it, unverified."""
    found = _fetch(_HEAD, ())
    return Head(*found[0]) if found else None


def verify_trail(anchors: list[Head]) -> Verified:
    """Recompute every hash, and find every row in the chain; memory does not grow with the trail.

    ``anchors`` are heads that the chain has had before.

    Raises:
        Bent: a row was changed, deleted, inserted or moved, or an anchor is not in the chain.
    """
    wanted = {anchor.seq: anchor for anchor in anchors}
    verified = Verified()
    for link in _links():
        _check_link(link, verified.head)
        head = verified.head = Head(link[0], link[4], link[5])
        verified.links += 1
        if head.seq in wanted and wanted.pop(head.seq).hash != head.hash:
            raise Bent(f"link {head.seq} is not the one that was anchored: the chain has been written anew up to there")
    if wanted:
        end = verified.head.seq if verified.head else 0
        raise Bent(f"the chain ends at link {end}, before the anchored link {min(wanted)}: its tail has been cut off")
    for table in CHAINED:
        _check_all_chained(table)
    _check_entries()
    return verified


def _check_link(link: tuple[Any, ...], before: Head | None) -> None:
    seq, entry, row_id, previous_hash, recorded, _, text = link
    row = f"{entry} {row_id} (link {seq})"
    expected = before.seq + 1 if before else 1
    if seq != expected:
        raise Bent(f"link {expected} is missing: the next in the chain is {row}")
    if previous_hash != (before.hash if before else FIRST_PREVIOUS):
        raise Bent(f"{row} does not follow the link before it: links were moved or written anew")
    if text is None:
        raise Bent(f"{row} is in the chain and not in its table: it has been deleted")
    if hashlib.sha256(text.encode()).hexdigest() != recorded:
        raise Bent(f"{row} is not what was written: it, or its link, has been changed")


def _check_all_chained(table: str) -> None:
    for row_id, seq in _paged(_UNCHAINED.format(table=table)):
        if seq is None:
            raise Bent(f"{table} {row_id} is in its table and not in the chain: it was inserted around the trigger")


def _check_entries() -> None:
    for audit_id, outcome_id, entry_id in _paged(_ORPHANS):
        if entry_id is None:
            raise Bent(f"audit_outcomes {outcome_id} is the outcome of no entry: there is no audit_logs {audit_id}")


def _links() -> Iterator[tuple[Any, ...]]:
    last = 0
    while found := _fetch(_LINKS, (last, BATCH)):
        yield from found
        last = found[-1][0]


def _paged(statement: str) -> Iterator[tuple[Any, ...]]:
    last = _LOWEST
    while found := _fetch(statement, (last, BATCH)):
        yield from found
        last = found[-1][0]


def _fetch(statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
