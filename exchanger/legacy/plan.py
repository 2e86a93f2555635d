"""One step made into SQL: what is asked of the old database, and how what comes is judged and turned in the new one.

A chunk's rows arrive as text in the temporary table ``staged``; those without a problem go on to ``ready``, typed as
the new table is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from exchanger.kernel.legacy_ids import uuid_of_sql
from exchanger.legacy.kinds import ZONED, ZONELESS, literal
from exchanger.legacy.mapping import Mapping as LegacyMapping
from exchanger.legacy.mapping import Origin, Step, WrongMapping, quoted
from exchanger.legacy.shapes import Column, Shape

_NUMERIC = ("smallint", "integer", "bigint", "numeric", "double precision", "real")
_TIMES = (ZONED, ZONELESS, "date")
Types = Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """A step and its new table. ``tables`` are the types of every step's old columns, None where it has no table."""

    mapping: LegacyMapping
    step: Step
    shape: Shape
    tables: Mapping[str, Types | None]

    # --- The old database ---------------------------------------------------------------------------------------

    def __post_init__(self) -> None:
        assert self.tables[self.step.name] is not None
        for name in (*self.step.key, self.step.since, *(origin.column for origin in self.step.columns.values())):
            if name is not None and name not in self.types:
                raise self._wrong(f"the old table has no column {name}: it has {', '.join(self.types)}")
        for name, origin in self.step.columns.items():
            if origin.cast not in (None, "uuid_of") and self.types[origin.column or ""] not in _NUMERIC:
                raise self._wrong(f"columns.{name}: {origin.cast} needs a number, and {origin.column} is none")
        if self.step.since is not None and self.shape.whole:
            raise self._wrong(f"since: {self.shape.table} is taken whole, for its rows rule each other out")
        self._check_references()

    @property
    def types(self) -> Types:
        return self.tables[self.step.name] or {}

    def rows(self, since: datetime | None, after: list[str] | None) -> str:
        """What follows FROM for the rows to come, of which the old table is ``s``."""
        return f"{self.step.relation} s {self._where(since, after)}"

    def select(self, since: datetime | None, after: list[str] | None) -> str:
        """The query for the rows to come, in the order of their keys; its columns are those of ``staged``."""
        parts = [f"{key}::text" for key in self._keys]
        parts += [self._asked(name) for name in self._asked_columns]
        joins = []
        for number, (old, probe) in enumerate(self._probes):
            parts.append(f"CASE WHEN {old} IS NOT NULL THEN p{number}.found END::text")
            joins.append(f"LEFT JOIN ({probe}) p{number} ON p{number}.value = {old}")
        if self._first_by is not None:
            parts.append("first.key")
            value, twice = self._first_by
            joins.append(f"LEFT JOIN ({twice}) first ON first.value = {value}")
        if self._splits:
            parts.append("split.context || ':' || split.name")
            joins.append(self._split_join)
        relation = f"{self.step.relation} s {' '.join(joins)} {self._where(since, after)}"
        return f"SELECT {', '.join(parts)} FROM {relation} ORDER BY {', '.join(self._keys)}"

    def _where(self, since: datetime | None, after: list[str] | None) -> str:
        conditions = []
        # What is no time to the old database, a text say, cannot be asked for what is later.
        if since is not None and self.step.since is not None and self.types[self.step.since] in _TIMES:
            column = f"s.{quoted(self.step.since)}"
            moment = f"{literal(since.isoformat())}::timestamptz"
            zone = literal(self.mapping.conventions.zone)
            zoned = self.types[self.step.since] == ZONED
            told = column if zoned else f"({column}::timestamp AT TIME ZONE {zone})"
            conditions.append(f"({told} >= {moment} OR {column} IS NULL)")
        if after is not None:
            last = ", ".join(
                f"{literal(value)}::{self.types[name]}" for name, value in zip(self.step.key, after, strict=True)
            )
            conditions.append(f"({', '.join(self._keys)}) > ({last})")
        return f"WHERE {' AND '.join(conditions)}" if conditions else ""

    @cached_property
    def _keys(self) -> list[str]:
        """The key's columns, none of them NULL: PostgreSQL could not go on behind one that is."""
        return [
            f"coalesce(s.{quoted(name)}, '-infinity')" if self.types[name] in _TIMES else f"s.{quoted(name)}"
            for name in self.step.key
        ]

    @cached_property
    def _asked_columns(self) -> list[str]:
        """What is read of the old row; a permission that is split says its contexts itself."""
        return [
            name
            for name, origin in self.step.columns.items()
            if origin.column is not None or (self._splits and name == "application_context")
        ]

    def _asked(self, name: str) -> str:
        origin = self.step.columns[name]
        old = literal(origin.constant) if origin.constant is not None else f"s.{quoted(origin.column or '')}"
        if origin.cast == "epoch_seconds":
            return f"to_timestamp({old})::text"
        if origin.cast == "epoch_milliseconds":
            return f"to_timestamp({old} / 1000.0)::text"
        if origin.cast == "hundredths":
            return f"({old} / 100.0)::text"
        if self._splits and name in ("permission", "application_context"):
            part = "name" if name == "permission" else "context"
            return f"coalesce(split.{part}, {old}::text)"
        if self.shape.periods and name == "valid_until":
            return f"({self._period_end})::text"
        return f"{old}::text"

    @cached_property
    def _probes(self) -> list[tuple[str, str]]:
        """Each old column that refers to another table, as SQL, with the query for the rows that it can refer to."""
        found = []
        for reference in self.shape.references:
            origin = self.step.columns.get(reference.column)
            if origin is None or origin.column is None:
                continue
            there = self.mapping.shapes[reference.table].key
            suppliers = [
                (step, step.columns[there].column or "")
                for step in self.mapping.suppliers(reference.table)
                if self.tables[step.name] is not None
            ]
            kinds = {self.types[origin.column], *((self.tables[step.name] or {})[key] for step, key in suppliers)}
            # Keys of different types meet as text; of the same they meet by their indexes.
            form = "{}" if len(kinds) == 1 or kinds <= set(_NUMERIC) else "lower({}::text)"
            queries = [
                f"SELECT {form.format(f'r.{quoted(key)}')} AS value FROM {step.relation} r" for step, key in suppliers
            ]
            unique = len(suppliers) == 1 and suppliers[0][0].key == (suppliers[0][1],)
            distinct = "" if unique else "DISTINCT "
            rows = f"SELECT {distinct}q.value, true AS found FROM ({' UNION ALL '.join(queries)}) q"
            found.append((form.format(f"s.{quoted(origin.column)}"), rows))
        return found

    @cached_property
    def _first_by(self) -> tuple[str, str] | None:
        """The old value that several rows share, as SQL, and the query for the first row of each such value."""
        if self.shape.first_by is None:
            return None
        unique, time = (self.step.columns.get(name) for name in self.shape.first_by)
        if unique is None or unique.column is None:
            return None
        order = [f"f.{quoted(time.column)} NULLS LAST"] if time is not None and time.column is not None else []
        order += [f"f.{quoted(name)}" for name in self.step.key]
        value = "lower(btrim({}::text))"
        key = f"f.{quoted(self.step.key[0])}::text"
        twice = (
            f"SELECT {value.format(f'f.{quoted(unique.column)}')} AS value,"
            f" (array_agg({key} ORDER BY {', '.join(order)}))[1] AS key"
            f" FROM {self.step.relation} f GROUP BY 1 HAVING count(*) > 1"
        )
        return value.format(f"s.{quoted(unique.column)}"), twice

    @property
    def _splits(self) -> bool:
        return self.shape.table == "user_permissions" and bool(self.mapping.permissions)

    @property
    def _split_join(self) -> str:
        rows = ", ".join(
            f"({literal(old)}, {literal(context)}, {literal(name)})"
            for old, targets in self.mapping.permissions.items()
            for context, name in targets
        )
        old = self.step.columns["permission"].column
        if old is None:
            raise self._wrong("columns.permission: a constant is not split, name a column")
        return f"LEFT JOIN (VALUES {rows}) split(old, context, name) ON split.old = s.{quoted(old)}::text"

    @property
    def _period_end(self) -> str:
        """Where a period of a rate ends: where it says, or where the next good rate of its pair begins."""
        source, target, rate, begins, ends = (
            self.step.columns[name].column if name in self.step.columns else None
            for name in ("from_currency", "to_currency", "rate", "valid_from", "valid_until")
        )
        if None in (source, target, rate, begins, ends):
            raise self._wrong("from_currency, to_currency, rate, valid_from and valid_until come from columns")
        pair = ", ".join(f"upper(btrim(s.{quoted(name or '')}::text))" for name in (source, target))
        good = f"(s.{quoted(rate or '')} > 0)"
        order = ", ".join([f"s.{quoted(begins or '')}", *self._keys])
        following = f"lead(s.{quoted(begins or '')}) OVER (PARTITION BY {pair}, {good} ORDER BY {order})"
        return f"least(s.{quoted(ends or '')}, {following})"

    def _check_references(self) -> None:
        for reference in self.shape.references:
            origin = self.step.columns.get(reference.column)
            if origin is None:
                continue
            suppliers = self.mapping.suppliers(reference.table)
            if not suppliers:
                raise self._wrong(f"columns.{reference.column} refers to {reference.table}, which no step fills")
            for supplier in suppliers:
                own = supplier.columns[self.mapping.shapes[reference.table].key]
                if (own.cast, own.of) != (origin.cast, origin.of) or own.column is None or origin.column is None:
                    raise self._wrong(
                        f"columns.{reference.column} is cast otherwise than the key of step {supplier.name},"
                        " so that they cannot meet"
                    )

    def _wrong(self, problem: str) -> WrongMapping:
        return WrongMapping(f"{self.mapping.name}: step {self.step.name}: {problem}")

    # --- What has arrived ---------------------------------------------------------------------------------------

    @property
    def key_columns(self) -> int:
        return len(self.step.key)

    @cached_property
    def staged_columns(self) -> list[str]:
        names = [f"key_{number}" for number in range(self.key_columns)]
        names += self._asked_columns
        names += [f"has_{number}" for number in range(len(self._probes))]
        names += ["first_key"] if self._first_by is not None else []
        return names + (["split"] if self._splits else [])

    @property
    def old_key(self) -> str:
        """The old key as people read it."""
        return " || ' ' || ".join(f"s.key_{number}" for number in range(self.key_columns))

    @cached_property
    def id_value(self) -> str:
        """The new key, of a row without a problem."""
        return self.value(self.shape.column(self.shape.key))

    @cached_property
    def id_text(self) -> str:
        """The same as text, of any row."""
        return self._text(self.shape.column(self.shape.key))

    @cached_property
    def detail(self) -> str:
        """What is told besides the reason: of several rows with the same value, the one that was taken."""
        return "coalesce(nullif(s.first_key, s.key_0), '')" if self._first_by else "''"

    @cached_property
    def reason(self) -> str:
        """Why a staged row ``s`` cannot be taken; NULL where it can."""
        cases = [f"WHEN {condition} THEN {literal(code)}" for condition, code in self._problems()]
        return f"CASE {' '.join(cases)} END"

    @cached_property
    def notes(self) -> list[tuple[str, str]]:
        """What is lost of rows that are taken, each as a condition with its code."""
        return [
            (condition, f"{column.name}:{code}")
            for column in self._mapped
            for condition, code in column.kind.notes(self._text(column))
        ]

    @cached_property
    def final_values(self) -> list[str]:
        """The new columns, over the converted row ``c`` and the batch ``b``."""
        return [column.final for column in self.shape.columns]

    @cached_property
    def converted(self) -> str:
        """The select list of the row ``c``, over ``s``: each new column under its name, NULL where nothing came."""
        parts = []
        for column in self.shape.columns:
            value = self.value(column) if column.name in self.step.columns else f"NULL::{column.kind.new_type}"
            parts.append(f"{value} AS {quoted(column.name)}")
        return ", ".join(parts)

    @cached_property
    def compared(self) -> list[str]:
        """The new columns that come from the old row, by which a catch-up tells that it has changed."""
        return [name for name in self.shape.names if name in self.step.columns and name != self.shape.key]

    def value(self, column: Column) -> str:
        text = self._text(column)
        value = column.kind.value(text, self._came_as(column))
        if column.name == self.shape.key and self._splits:
            apart = uuid_of_sql(f"{literal(self.step.name + ':')} || {self.old_key} || ':' || s.split")
            return f"CASE WHEN s.split IS NULL THEN {value} ELSE {apart} END"
        return value

    @cached_property
    def _mapped(self) -> list[Column]:
        return [column for column in self.shape.columns if column.name in self.step.columns]

    def _text(self, column: Column) -> str:
        origin = self.step.columns[column.name]
        if column.name not in self._asked_columns:
            return literal(origin.constant or "")
        staged = f"s.{quoted(column.name)}"
        if origin.cast == "uuid_of":
            name = literal(f"{origin.of}:")
            return f"({uuid_of_sql(f'{name} || {staged}')})::text"
        return staged

    def _came_as(self, column: Column) -> str:
        origin = self.step.columns[column.name]
        return _type_after(origin, self.types)

    def _problems(self) -> Iterator[tuple[str, str]]:
        for column in self._mapped:
            text = self._text(column)
            if column.required:
                others = [other for other in self._mapped if other.name == column.instead]
                missing = " AND ".join(f"{each} IS NULL" for each in [text, *map(self._text, others)])
                yield missing, f"{column.name}:missing"
            for condition, code in column.kind.problems(text, self._came_as(column)):
                yield condition, f"{column.name}:{code}"
        if self._first_by is not None and self.shape.first_by is not None:
            yield "s.first_key <> s.key_0", f"{self.shape.first_by[0]}:duplicate"
        yield from self._reference_problems()
        values = {column.name: self.value(column) for column in self._mapped}
        for template, code in self.shape.checks:
            yield template.format_map(_Values(values)), code

    def _reference_problems(self) -> Iterator[tuple[str, str]]:
        number = 0
        for reference in self.shape.references:
            if reference.column not in self.step.columns:
                continue
            value = self.value(self.shape.column(reference.column))
            yield f"s.has_{number} IS DISTINCT FROM 'true' AND {value} IS NOT NULL", f"{reference.column}:no_such_row"
            refused = f"SELECT id FROM refused WHERE table_name = {literal(reference.table)}"
            yield f"{value} IN ({refused})", f"{reference.column}:not_taken"
            there = self.mapping.shapes[reference.table]
            if there.alias == self.shape.alias:
                found = f"SELECT FROM {there.table} t WHERE t.{there.key} = {value}"
                yield f"{value} IS NOT NULL AND NOT EXISTS ({found})", f"{reference.column}:not_taken"
            number += 1


class _Values(dict[str, str]):
    """A column that the mapping does not fill has no value to check."""

    def __missing__(self, name: str) -> str:
        return "NULL"


def _type_after(origin: Origin, types: Types) -> str:
    if origin.cast == "uuid_of":
        return "uuid"
    if origin.cast in ("epoch_seconds", "epoch_milliseconds"):
        return ZONED
    if origin.cast == "hundredths":
        return "numeric"
    return types[origin.column] if origin.column is not None else "text"
