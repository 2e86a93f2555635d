"""What was compared and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from exchanger.legacy.batches import Batch
from exchanger.legacy.verification.differences import Difference


@dataclass(frozen=True, slots=True)
class ColumnResult:
    """A column's checksum on both sides."""

    name: str
    old: int
    new: int

    @property
    def same(self) -> bool:
        return self.old == self.new


@dataclass(frozen=True, slots=True)
class TableResult:
    """One new table. ``old_rows`` are all of the old database's, ``expected`` those of them that were to be taken.

    ``rejected`` counts the rest by reason. ``differences`` are empty where both sides hold the same.
    """

    alias: str
    table: str
    old_rows: int
    rejected: Mapping[str, int]
    expected: int
    found: int
    columns: tuple[ColumnResult, ...]
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        return not self.differences and self.expected == self.found and all(column.same for column in self.columns)


@dataclass(frozen=True, slots=True)
class SumResult:
    """A sum of money on both sides, or a number of things where ``currency`` is empty."""

    what: str
    status: str
    currency: str
    old_rows: int
    new_rows: int
    old: Decimal
    new: Decimal

    @property
    def same(self) -> bool:
        return (self.old_rows, self.old) == (self.new_rows, self.new)


@dataclass(frozen=True, slots=True)
class ReferenceResult:
    """A column of ids of another database: how many different ones it holds, and those that lead nowhere.

    ``rows`` is how many rows hold such ids, ``first`` the lowest of these.
    """

    column: str
    target: str
    ids: int
    missing: int
    rows: int
    first: tuple[str, ...]

    @property
    def same(self) -> bool:
        return self.missing == 0


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a verification found. ``source`` names the old database without a password."""

    began: datetime
    seconds: float
    source: str
    zone: str
    mapping: str
    batches: tuple[Batch, ...]
    tables: tuple[TableResult, ...]
    money: tuple[SumResult, ...]
    references: tuple[ReferenceResult, ...]
    not_compared: Mapping[str, str]

    @property
    def differences(self) -> int:
        """Tables, sums and references that are not as they should be."""
        results: list[TableResult | SumResult | ReferenceResult] = [*self.tables, *self.money, *self.references]
        return sum(not one.same for one in results)
