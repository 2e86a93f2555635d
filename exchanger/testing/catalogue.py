"""What a database's own catalogue says about schema `public`, in a form that two databases can be compared by.

The migrations are held against the SQL of the source document: load that into an empty database, read both,
and `compare` lists every departure. Names count as much as definitions; the order of columns does not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

Key = tuple[str, str]
"""(table, name)"""


class Column(NamedTuple):
    type: str
    not_null: str
    default: str | None

    def __str__(self) -> str:
        return f"{self.type} {self.not_null}" + (f" DEFAULT {self.default}" if self.default is not None else "")


class Definition(NamedTuple):
    definition: str

    def __str__(self) -> str:
        return self.definition


@dataclass(frozen=True)
class Catalogue:
    tables: frozenset[str]
    columns: Mapping[Key, Column]
    constraints: Mapping[Key, Definition]
    indexes: Mapping[Key, Definition]


@dataclass(frozen=True, order=True)
class Difference:
    """One departure; `source` is None for what only the live database has, `live` for what it lacks."""

    kind: str
    table: str
    name: str
    source: str | None
    live: str | None


TABLES = """
SELECT c.relname
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""

# Identity and generated columns have no DEFAULT clause; they are told apart here, so that neither passes for one.
COLUMNS = """
SELECT c.relname, a.attname,
       format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
       CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text
            WHEN a.attgenerated <> '' THEN 'generated ' || pg_get_expr(d.adbin, d.adrelid)
            ELSE pg_get_expr(d.adbin, d.adrelid) END
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped
"""

# From PostgreSQL 18 a NOT NULL is a constraint too ('n'), with a name of its own; the columns already carry it.
CONSTRAINTS = """
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND k.contype IN ('p', 'u', 'f', 'c', 'x')
"""

# A foreign key's conindid is the index of the table that it refers to: only p, u and x own theirs.
INDEXES = """
SELECT c.relname, i.relname, pg_get_indexdef(x.indexrelid)
  FROM pg_index x
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_class i ON i.oid = x.indexrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
"""


def read_catalogue(connection: psycopg.Connection[Any]) -> Catalogue:
    """PostgreSQL qualifies names by the search_path, so it is fixed while we read, and then rolled back."""
    with connection.transaction(force_rollback=True), connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, public, pg_temp")
        return Catalogue(
            tables=frozenset(name for (name,) in cursor.execute(TABLES)),
            columns={(table, name): Column(*facts) for table, name, *facts in cursor.execute(COLUMNS)},
            constraints={(table, name): Definition(text) for table, name, text in cursor.execute(CONSTRAINTS)},
            indexes={(table, name): Definition(text) for table, name, text in cursor.execute(INDEXES)},
        )


def compare(source: Catalogue, live: Catalogue) -> list[Difference]:
    """Every difference, sorted. A table that only one side has is one difference, whatever it contains."""
    shared = source.tables & live.tables
    return sorted(
        [
            *(Difference("table.missing", table, table, table, None) for table in source.tables - shared),
            *(Difference("table.extra", table, table, None, table) for table in live.tables - shared),
            *_differences("column", shared, source.columns, live.columns),
            *_differences("constraint", shared, source.constraints, live.constraints),
            *_differences("index", shared, source.indexes, live.indexes),
        ]
    )


def _differences(
    kind: str,
    tables: frozenset[str],
    source: Mapping[Key, Column | Definition],
    live: Mapping[Key, Column | Definition],
) -> Iterator[Difference]:
    for table, name in source.keys() | live.keys():
        if table not in tables:
            continue
        wanted, found = source.get((table, name)), live.get((table, name))
        if wanted is None or found is None:
            presence = "missing" if found is None else "extra"
            yield Difference(f"{kind}.{presence}", table, name, _text(wanted), _text(found))
            continue
        for aspect, before, after in zip(wanted._fields, wanted, found, strict=True):
            if before != after:
                yield Difference(f"{kind}.{aspect}", table, name, before, after)


def _text(fact: Column | Definition | None) -> str | None:
    return None if fact is None else str(fact)
