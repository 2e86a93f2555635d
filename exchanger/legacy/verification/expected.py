"""What a new table must hold, asked of the old database: the mapping's columns as texts, and the rules for the rest."""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg import sql

from exchanger.kernel.legacy_ids import NAMESPACE
from exchanger.legacy.mapping import Mapping as OldMapping
from exchanger.legacy.mapping import Origin, Step
from exchanger.legacy.shapes import Shape
from exchanger.legacy.verification.checksums import Reading
from exchanger.legacy.verification.normal import normal_text
from exchanger.legacy.verification.rejects import Rejects

PERMISSIONS = "user_permissions"

RULES: Mapping[str, Mapping[str, str]] = {
    "users": {
        "email_verified": "coalesce(r.email_verified, 'false')",
        "created_at": "coalesce(r.created_at, r.updated_at)",
        "updated_at": "coalesce(r.updated_at, r.created_at)",
        "password_changed_at": "coalesce(r.password_changed_at, r.created_at, r.updated_at)",
    },
    "user_profiles": {
        "display_name": "coalesce(r.display_name, '')",
        "phone": "coalesce(r.phone, '')",
        "language": "coalesce(r.language, 'en')",
        "time_zone": "coalesce(r.time_zone, 'UTC')",
    },
    "exchange_rates": {"confirmed_at": "coalesce(r.confirmed_at, r.valid_from)"},
    "orders": {
        "created_at": "coalesce(r.created_at, r.updated_at)",
        "updated_at": "coalesce(r.updated_at, r.created_at)",
    },
    "payments": {
        "updated_at": "coalesce(r.updated_at, r.created_at)",
        "received_at": "coalesce(r.received_at, CASE WHEN r.status IN ('succeeded', 'refunded') THEN r.created_at END)",
    },
    "reports": {
        "status": "coalesce(r.status, 'expired')",
        "finished_at": "coalesce(r.finished_at, r.generated_at)",
    },
    "conversations": {
        "state": "coalesce(r.state, 'idle')",
        "created_at": "coalesce(r.created_at, r.updated_at)",
        "updated_at": "coalesce(r.updated_at, r.created_at)",
    },
    "notifications": {
        "sent": "coalesce(r.sent, 'false')",
        "sent_at": "CASE WHEN r.sent = 'true' THEN coalesce(r.sent_at, r.created_at) END",
        "next_attempt_at": "coalesce(r.next_attempt_at, r.created_at)",
    },
}
"""What is expected of a column where the old database's value alone does not say it: SQL over the row's texts ``r``."""

LEFT_TO_THE_IMPORT: Mapping[str, Mapping[str, str]] = {
    "notifications": {
        "dead_at": "set by the import for what was not to be sent any more",
        "failure": "set by the import for what was not to be sent any more",
    },
}
"""Columns of which the old database knows nothing, and no rule but the import's own says what is in them."""


def compared_columns(shape: Shape) -> tuple[str, ...]:
    """The key, and then every column of which the old database tells what it must hold."""
    others = (name for name in shape.names if name != shape.key)
    return (shape.key, *(name for name in others if name not in LEFT_TO_THE_IMPORT.get(shape.table, {})))


def expected_reading(connection: psycopg.Connection[Any], mapping: OldMapping, table: str, rejects: Rejects) -> Reading:
    """The rows that a new table must have: those of the old database that were not rejected."""
    shape = mapping.shapes[table]
    steps = [_texts(connection, step, shape, rejects.keys.get(step.name, [])) for step in mapping.suppliers(table)]
    rows: sql.Composable = sql.SQL(" UNION ALL ").join(steps)
    if table == PERMISSIONS:
        return _grants(_renamed_permissions(rows, mapping))
    columns = compared_columns(shape)
    rules = RULES.get(table, {})
    values = [
        sql.SQL("{} AS {}").format(sql.SQL(rules.get(name, f"r.{name}")), sql.Identifier(name)) for name in columns
    ]
    if table == "exchange_rates":
        rows = _ended_by_the_next(rows)
    kept = _without(sql.SQL("r.{}").format(sql.Identifier(shape.key)), rejects.ids)
    return Reading(columns, sql.SQL("SELECT {} FROM ({}) AS r {}").format(sql.SQL(", ").join(values), rows, kept))


def actual_reading(shape: Shape) -> Reading:
    """The rows that a new table has, as they are."""
    if shape.table == PERMISSIONS:
        return _grants(sql.Identifier(shape.table))
    columns = compared_columns(shape)
    return Reading(
        columns,
        sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("{0}::text AS {0}").format(sql.Identifier(name)) for name in columns),
            sql.Identifier(shape.table),
        ),
    )


def _grants(rows: sql.Composable) -> Reading:
    """A permission is what is granted to whom and where: one old row may be several here, or one with others."""
    return Reading(
        ("granted",),
        sql.SQL(
            "SELECT DISTINCT g.user_id::text || ' ' || g.application_context || ' ' || g.permission AS granted"
            " FROM {} AS g"
        ).format(rows),
    )


def _renamed_permissions(rows: sql.Composable, mapping: OldMapping) -> sql.Composable:
    if not mapping.permissions:
        return sql.SQL("({})").format(rows)
    listed = sql.SQL(", ").join(
        sql.SQL("({}, {}, {})").format(sql.Literal(old), sql.Literal(context), sql.Literal(name))
        for old, targets in mapping.permissions.items()
        for context, name in targets
    )
    return sql.SQL(
        "(SELECT r.user_id, coalesce(n.context, r.application_context) AS application_context,"
        " coalesce(n.name, r.permission) AS permission"
        " FROM ({}) AS r LEFT JOIN (VALUES {}) AS n (old, context, name) ON n.old = r.permission)"
    ).format(rows, listed)


def _texts(connection: psycopg.Connection[Any], step: Step, shape: Shape, rejected: list[str]) -> sql.Composed:
    """The step's old rows that were taken, each column as the text that it is to be; NULL where it is not mapped."""
    raw = {name: _raw(origin) for name, origin in step.columns.items()}
    oids = _types(connection, step, raw)
    values = [
        sql.SQL("{} AS {}").format(
            normal_text(column.kind, raw[column.name], oids[column.name])
            if column.name in raw
            else sql.SQL("NULL::text"),
            sql.Identifier(column.name),
        )
        for column in shape.columns
    ]
    return sql.SQL("SELECT {} FROM {} AS s {}").format(
        sql.SQL(", ").join(values), sql.SQL(step.relation), _without(old_key(step), rejected)
    )


def _types(connection: psycopg.Connection[Any], step: Step, raw: Mapping[str, sql.Composable]) -> dict[str, int]:
    found = connection.execute(
        sql.SQL("SELECT {} FROM {} AS s LIMIT 0").format(sql.SQL(", ").join(raw.values()), sql.SQL(step.relation))
    )
    return {name: column.type_code for name, column in zip(raw, found.description or (), strict=True)}


def _raw(origin: Origin) -> sql.Composable:
    if origin.column is None:
        return sql.SQL("{}::text").format(sql.Literal(origin.constant))
    column = sql.SQL("s.{}").format(sql.Identifier(origin.column))
    return _CASTS[origin.cast](column, origin.of)


def _uuid_of(column: sql.Composable, of: str) -> sql.Composable:
    """RFC 9562's version 3, written out: the old server has no function of ours."""
    digest = sql.SQL("md5(decode({}, 'hex') || convert_to({} || {}::text, 'UTF8'))").format(
        sql.Literal(NAMESPACE.hex), sql.Literal(f"{of}:"), column
    )
    return sql.SQL(
        "(left({0}, 12) || '3' || substr({0}, 14, 3)"
        " || substr('89ab89ab89ab89ab', 1 + ('x' || substr({0}, 17, 1))::bit(4)::int, 1) || substr({0}, 18))::uuid"
    ).format(digest)


_CASTS: Mapping[str | None, Callable[[sql.Composable, str], sql.Composable]] = {
    None: lambda column, of: column,
    "uuid_of": _uuid_of,
    "epoch_seconds": lambda column, of: sql.SQL("to_timestamp(({})::text::numeric)").format(column),
    "epoch_milliseconds": lambda column, of: sql.SQL("to_timestamp(({})::text::numeric / 1000)").format(column),
    "hundredths": lambda column, of: sql.SQL("(({})::text::numeric / 100)").format(column),
}


def _without(key: sql.Composable, rejected: list[str]) -> sql.Composable:
    if not rejected:
        return sql.SQL("")
    return sql.SQL(
        "WHERE NOT EXISTS (SELECT FROM unnest({}::text[]) AS rejected (key) WHERE rejected.key = {})"
    ).format(sql.Literal(rejected), key)


def old_key(step: Step) -> sql.Composable:
    """The text by which the import's records know an old row; a NULL in it is where it sorts."""
    parts = [sql.SQL("coalesce(s.{}::text, '-infinity')").format(sql.Identifier(part)) for part in step.key]
    return sql.SQL(" || ' ' || ").join(parts)


def _ended_by_the_next(rows: sql.Composable) -> sql.Composable:
    """Of one pair only one rate counts at a time: each ends at the latest when the next begins."""
    return sql.SQL(
        "SELECT u.id, u.from_currency, u.to_currency, u.rate, u.valid_from, u.confirmed_at,"
        " least(u.valid_until::timestamptz, lead(u.valid_from::timestamptz) OVER"
        " (PARTITION BY u.from_currency, u.to_currency ORDER BY u.valid_from::timestamptz))::text AS valid_until"
        " FROM ({}) AS u"
    ).format(rows)
