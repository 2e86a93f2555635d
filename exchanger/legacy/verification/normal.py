"""The text that a value of the old database has in the new one, in SQL that the old server itself can run.

The same kinds as in ``kinds``, said a second time and in the other database: values that fit no kind were rejected, and
are not asked about. What every PostgreSQL of the last ten years knows is enough.
"""

from collections.abc import Callable, Mapping
from typing import Any

from psycopg import postgres, sql

from exchanger.legacy import kinds

SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "search_path": "public",
}
"""With these settings the same value is the same text on both servers."""

PLANNING = {"enable_hashjoin": "on", "enable_mergejoin": "on", "work_mem": "64MB"}
"""For whole tables: the import's own connections are set for small pieces of them."""

Value = sql.Composable
_TIMESTAMP, _TIMESTAMPTZ, _DATE = (
    postgres.types[name].oid for name in ("timestamp", "timestamptz", "date")
)  # as a query's columns name their types
_HAS_ZONE = r"[0-9:.]\s*(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$"


def normal_text(kind: kinds.Kind, value: Value, oid: int) -> Value:
    """SQL for the text of a value of this kind; ``oid`` is the type that the value has in the old database.

    Raises:
        TypeError: a kind that nobody has taught this module.
    """
    for known, rule in _RULES.items():
        if isinstance(kind, known):
            return rule(kind, value, oid)
    raise TypeError(f"{type(kind).__name__} has no rule in {__name__}")


def _plain(kind: kinds.Plain, value: Value, oid: int) -> Value:
    return sql.SQL("({})::text::{}::text").format(value, sql.SQL(kind.new_type))


def _text(kind: kinds.Text, value: Value, oid: int) -> Value:
    return sql.SQL("btrim({}::text)" if kind.trimmed else "({})::text").format(value)


def _email(kind: kinds.Email, value: Value, oid: int) -> Value:
    return sql.SQL("lower(btrim({}::text))").format(value)


def _password(kind: kinds.Password, value: Value, oid: int) -> Value:
    """Node's bcrypt and raw argon2 hashes stand behind the name that Django gives their algorithm."""
    return sql.SQL(
        "CASE WHEN left({0}, 2) = '$2' THEN 'bcrypt' || '$' || {0}"
        " WHEN left({0}, 7) = '$argon2' THEN 'argon2' || {0} ELSE {0} END"
    ).format(value)


def _time(kind: kinds.Time, value: Value, oid: int) -> Value:
    zone = sql.Literal(kind.zone)
    if oid == _TIMESTAMPTZ:
        return sql.SQL("({})::text").format(value)
    if oid in (_TIMESTAMP, _DATE):
        return sql.SQL("(({})::timestamp AT TIME ZONE {})::text").format(value, zone)
    return sql.SQL(
        "CASE WHEN {0} ~ {2} THEN ({0})::timestamptz ELSE ({0})::timestamp AT TIME ZONE {1} END::text"
    ).format(value, zone, sql.Literal(_HAS_ZONE))


def _number(kind: kinds.Number, value: Value, oid: int) -> Value:
    return sql.SQL("({})::text::numeric({}, 8)::text").format(value, sql.SQL(str(kind.digits + 8)))


def _currency(kind: kinds.CurrencyCode, value: Value, oid: int) -> Value:
    return _renamed(sql.SQL("upper(btrim({}::text))").format(value), kind.aliases)


def _choice(kind: kinds.Choice, value: Value, oid: int) -> Value:
    return _renamed(sql.SQL("lower(btrim({}::text))").format(value), kind.aliases)


def _preferred(kind: kinds.Preferred, value: Value, oid: int) -> Value:
    said = _renamed(sql.SQL("btrim({}::text)").format(value), kind.aliases)
    return sql.SQL("CASE WHEN {0} IN ({1}) THEN {0} WHEN {0} IS NOT NULL THEN {2} END").format(
        said, sql.SQL(", ").join(map(sql.Literal, kind.choices)), sql.Literal(kind.fallback)
    )


def _permission(kind: kinds.Permission, value: Value, oid: int) -> Value:
    return sql.SQL("({})::text").format(value)


def _renamed(value: Value, names: Mapping[str, str]) -> Value:
    if not names:
        return value
    cases = sql.SQL(" ").join(
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(old), sql.Literal(new)) for old, new in names.items()
    )
    return sql.SQL("CASE {0} {1} ELSE {0} END").format(value, cases)


_RULES: dict[type[Any], Callable[[Any, Value, int], Value]] = {
    kinds.Plain: _plain,
    kinds.Text: _text,
    kinds.Email: _email,
    kinds.Password: _password,
    kinds.Time: _time,
    kinds.Number: _number,
    kinds.CurrencyCode: _currency,
    kinds.Choice: _choice,
    kinds.Preferred: _preferred,
    kinds.Permission: _permission,
}
