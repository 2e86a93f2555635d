"""Where the new tables' values are in the old database: a TOML file, read into these and refused where it is wrong."""

import tomllib
import zoneinfo
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from exchanger.kernel.contexts import Context
from exchanger.legacy.shapes import Conventions, Shape, shapes

SHIPPED: Final = Path(__file__).with_name("mappings")
CASTS: Final = ("uuid_of", "epoch_seconds", "epoch_milliseconds", "hundredths")


class WrongMapping(ValueError):
    """The file cannot be obeyed; the message names the file, the step and the key."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a new column is made of: an old one, by a ``cast`` or as it is; or a ``constant`` where ``column`` is None.

    ``of`` is the old table whose integer keys ``uuid_of`` turns into ids.
    """

    column: str | None
    cast: str | None = None
    of: str = ""
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One old table, or the rows of one ``query``, on the way into one new table.

    ``key`` are the old columns by which rows are told apart and taken in order; ``since`` is the old column that tells
    when a row was last changed, None where nothing does, and then all rows are looked at again by a catch-up.
    An ``optional`` one is passed over where the old database has no such table.
    """

    name: str
    into: str
    table: str | None
    query: str | None
    key: tuple[str, ...]
    since: str | None
    optional: bool
    columns: Mapped[str, Origin]

    @property
    def relation(self) -> str:
        """What follows FROM in SQL."""
        if self.query is not None:
            return f"({self.query})"
        assert self.table is not None
        return ".".join(quoted(part) for part in self.table.split("."))


@dataclass(frozen=True, slots=True)
class Mapping:
    """``permissions`` are old names, each with the contexts and names of what it is here."""

    name: str
    text: str
    conventions: Conventions
    permissions: Mapped[str, tuple[tuple[Context, str], ...]]
    steps: tuple[Step, ...]
    shapes: Mapped[str, Shape] = field(repr=False)

    def suppliers(self, table: str) -> list[Step]:
        """The steps that fill a new table."""
        return [step for step in self.steps if step.into == table]


def shipped_mappings() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_mapping(name: str, zone: str | None = None) -> Mapping:
    """A mapping that ships with the platform, by its name, or a file's. ``zone`` overrides its time zone.

    Raises:
        WrongMapping
    """
    path = SHIPPED / f"{name}.toml" if name in shipped_mappings() else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise WrongMapping(
            f"{name}: {error.strerror}. Name a file, or one of {', '.join(shipped_mappings())}"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongMapping(f"{name}: {error}") from error
    return _Reader(name).mapping(text, document, zone)


def quoted(name: str) -> str:
    """An identifier of SQL."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class _Reader:
    """``file`` is what messages call the mapping."""

    file: str

    def mapping(self, text: str, document: dict[str, Any], zone: str | None) -> Mapping:
        self._known("the file", document, {"zone", "currencies", "statuses", "permissions", "step"})
        statuses = self._table("statuses", document.get("statuses", {}))
        conventions = Conventions(
            zone=self._zone(zone if zone is not None else document.get("zone", "UTC")),
            currencies=self._words("currencies", document.get("currencies", {})),
            statuses={table: self._words(f"statuses.{table}", words) for table, words in statuses.items()},
        )
        known = shapes(conventions)
        self._known("statuses", statuses, {"orders", "payments"})
        raw = document.get("step", [])
        if not isinstance(raw, list) or not raw:
            raise self._wrong("the file", "has no [[step]]")
        steps = [self._step(number, step, known) for number, step in enumerate(raw, 1)]
        names = [step.name for step in steps]
        if twice := {name for name in names if names.count(name) > 1}:
            raise self._wrong(f"step {min(twice)}", "is there twice: give one of them another name")
        order = list(known)
        return Mapping(
            name=self.file,
            text=text,
            conventions=conventions,
            permissions=self._permissions(document.get("permissions", {})),
            steps=tuple(sorted(steps, key=lambda step: order.index(step.into))),
            shapes=known,
        )

    def _step(self, number: int, raw: Any, known: Mapped[str, Shape]) -> Step:
        where = f"step {number}"
        raw = self._table(where, raw)
        into = raw.get("into")
        if into not in known:
            raise self._wrong(where, f"into is {into!r}: set it to one of {', '.join(known)}")
        where = f"step {raw.get('name', into)}"
        self._known(where, raw, {"name", "into", "table", "query", "key", "since", "optional", "columns"})
        for key, kind in (("name", str), ("table", str), ("query", str), ("since", str), ("optional", bool)):
            if key in raw and not isinstance(raw[key], kind):
                raise self._wrong(where, f"{key} is no {kind.__name__}")
        if ("table" in raw) == ("query" in raw):
            raise self._wrong(where, "needs a table or a query, and not both")
        key = raw.get("key", "id")
        keys = key if isinstance(key, list) else [key]
        if not keys or not all(isinstance(part, str) for part in keys):
            raise self._wrong(where, "key is neither a column's name nor a list of them")
        shape = known[into]
        columns = {
            name: self._origin(f"{where}, columns.{name}", origin)
            for name, origin in self._table(f"{where}, columns", raw.get("columns", {})).items()
        }
        if unknown := set(columns) - set(shape.names):
            raise self._wrong(where, f"columns.{min(unknown)}: {into} takes {', '.join(shape.names)}")
        for column in shape.columns:
            if column.required and column.name not in columns and column.instead not in columns:
                raise self._wrong(where, f"columns.{column.name} is missing: {into} needs it")
        return Step(
            name=raw.get("name", into),
            into=into,
            table=raw.get("table"),
            query=raw.get("query"),
            key=tuple(keys),
            since=raw.get("since"),
            optional=raw.get("optional", False),
            columns=columns,
        )

    def _origin(self, where: str, raw: Any) -> Origin:
        if isinstance(raw, str):
            return Origin(raw)
        raw = self._table(where, raw)
        self._known(where, raw, {"column", "cast", "of", "constant"})
        if "constant" in raw:
            value = raw["constant"]
            if len(raw) > 1 or not isinstance(value, str | int | float | bool):
                raise self._wrong(where, "a constant is a text, a number or true or false, and stands alone")
            return Origin(None, constant=str(value).lower() if isinstance(value, bool) else str(value))
        if not isinstance(raw.get("column"), str):
            raise self._wrong(where, "names no column of the old table, and no constant")
        cast = raw.get("cast")
        if cast is not None and cast not in CASTS:
            raise self._wrong(where, f"cast is {cast!r}: set it to one of {', '.join(CASTS)}")
        if (cast == "uuid_of") != isinstance(raw.get("of"), str):
            raise self._wrong(where, "cast uuid_of, and no other, needs of: the old table whose key it is")
        return Origin(raw["column"], cast, raw.get("of", ""))

    def _permissions(self, raw: Any) -> dict[str, tuple[tuple[Context, str], ...]]:
        found = {}
        for old, targets in self._table("permissions", raw).items():
            if not isinstance(targets, list) or not targets:
                raise self._wrong(f"permissions.{old}", 'is no list like ["admin:web.change_order"]')
            found[old] = tuple(self._permission(old, target) for target in targets)
        return found

    def _permission(self, old: str, target: Any) -> tuple[Context, str]:
        context, _, name = str(target).partition(":")
        if context not in list(Context) or not name:
            raise self._wrong(f"permissions.{old}", f"{target!r} is not like web|admin|telegram:name")
        return Context(context), name

    def _zone(self, raw: Any) -> str:
        if raw not in zoneinfo.available_timezones():
            raise self._wrong("zone", f"{raw!r} is no time zone: name one like Europe/Kyiv")
        return str(raw)

    def _words(self, where: str, raw: Any) -> dict[str, str]:
        words = self._table(where, raw)
        if not all(isinstance(word, str) for word in words.values()):
            raise self._wrong(where, "maps an old word to a text")
        return words

    def _table(self, where: str, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise self._wrong(where, "is no table")
        return raw

    def _known(self, where: str, raw: dict[str, Any], known: set[str]) -> None:
        if unknown := set(raw) - known:
            raise self._wrong(where, f"{min(unknown)} is not known: there are {', '.join(sorted(known))}")

    def _wrong(self, where: str, problem: str) -> WrongMapping:
        return WrongMapping(f"{self.file}: {where}: {problem}")
