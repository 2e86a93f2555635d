"""The rows that the import did not take, by its own records: with them the old database's numbers are the new ones'."""

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql


class Rejects:
    """Of one table: ``keys`` are the old keys by step, ``ids`` those of rows that were taken out again when the books
    were made, ``reasons`` the numbers by reason."""

    def __init__(self, found: Iterable[tuple[str, str | None, str, str]]) -> None:
        self.keys: dict[str, list[str]] = {}
        self.ids: list[str] = []
        self.reasons: dict[str, int] = {}
        for step, key, row_id, reason in found:
            if key is None:
                self.ids.append(row_id)
            else:
                self.keys.setdefault(step, []).append(key)
            self.reasons[reason] = self.reasons.get(reason, 0) + 1


def read_rejects(new: psycopg.Connection[Any], table: str, key: str) -> Rejects:
    """Those of all batches that were not rolled back; what a later one took is no reject any more."""
    found = new.execute(
        sql.SQL(
            "SELECT DISTINCT ON (r.step, coalesce(r.old_key, r.id::text), r.id) r.step, r.old_key, r.id::text, r.reason"
            " FROM legacy.rejects r JOIN legacy.batches b ON b.number = r.batch"
            " WHERE r.table_name = {name} AND NOT r.taken AND b.rolled_back_at IS NULL"
            " AND NOT EXISTS (SELECT FROM {table} t WHERE t.{key} = r.id)"
            " ORDER BY r.step, coalesce(r.old_key, r.id::text), r.id, r.batch DESC"
        ).format(name=sql.Literal(table), table=sql.Identifier(table), key=sql.Identifier(key))
    )
    return Rejects(found)
