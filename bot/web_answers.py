"""What web answers to the bot, typed."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Self, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.refusals import Refused

Item = TypeVar("Item")


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda said: None if said is None else read(said)


# How JSON writes the types of the fields below; what is not here is said as it is.
_READ: dict[Any, Callable[[Any], Any]] = {
    UUID: UUID,
    Decimal: Decimal,
    Decimal | None: _optional(Decimal),
    datetime: datetime.fromisoformat,
    datetime | None: _optional(datetime.fromisoformat),
    Pair: Pair.parse,
}


class Answer:
    """A dataclass whose fields are called as web calls them."""

    __slots__ = ()

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        """Raises KeyError, TypeError, ValueError, decimal.InvalidOperation: web has said something else."""
        return _read(cls, said)


def _read(kind: type[Item], said: dict[str, Any]) -> Item:
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]  # every Answer is a dataclass
        value = said[field.name]
        values[field.name] = _READ[field.type](value) if field.type in _READ else value
    return kind(**values)


class WebRefused(Refused):
    """Web will not do it: 4xx, with web's own ``code``, ``message``, ``details`` and ``retry_after`` (seconds)."""


@dataclass(frozen=True, slots=True)
class Rate(Answer):
    """The market's: how much of the pair's target one unit of its source buys, last said at ``confirmed_at``."""

    pair: Pair
    rate: Decimal
    confirmed_at: datetime
    valid_until: datetime | None

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        return _read(cls, {**said, "pair": f"{said['from_currency']}_{said['to_currency']}"})


@dataclass(frozen=True, slots=True)
class OfferedPair(Answer):
    """A pair on offer. ``minimum`` and ``maximum`` are amounts given; ``rate`` is the client's, None where none is new
    enough; ``fee`` is a share of what is received."""

    pair: str
    from_currency: str
    to_currency: str
    minimum: Decimal
    maximum: Decimal
    from_decimals: int
    to_decimals: int
    fee: Decimal
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Offer(Answer):
    """Everything on offer; while ``maintenance_mode`` nothing can be exchanged."""

    maintenance_mode: bool
    quote_life_seconds: int
    pairs: tuple[OfferedPair, ...]

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        pairs = tuple(OfferedPair.of(pair) for pair in said["pairs"])
        return cls(said["maintenance_mode"], said["quote_life_seconds"], pairs)


@dataclass(frozen=True, slots=True)
class Quote(Answer):
    """A firm offer until ``expires_at``; ``fee`` is in ``to_currency`` and off ``to_amount`` already."""

    id: UUID
    pair: str
    from_currency: str
    to_currency: str
    from_amount: Decimal
    to_amount: Decimal
    rate: Decimal
    fee: Decimal
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Order(Answer):
    """An order as its client sees it. ``to_amount`` and ``fee`` are None where it came without a quote; it must be paid
    before ``expires_at``, None where it may wait."""

    id: UUID
    status: str
    from_currency: str
    to_currency: str
    from_amount: Decimal
    to_amount: Decimal | None
    fee: Decimal | None
    exchange_rate: Decimal
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Payment(Answer):
    """A payment of an order. ``instructions``: ``checkout_url`` of a card; recipient, iban, bank and purpose of a
    transfer."""

    id: UUID
    order_id: UUID
    payment_method: str
    amount: Decimal
    currency: str
    status: str
    reference: str | None
    instructions: dict[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A page of a list; ``cursor`` asks for the next one, "" at the end."""

    items: tuple[Item, ...]
    cursor: str

    @classmethod
    def of(cls, said: dict[str, Any], item: Callable[[dict[str, Any]], Item]) -> Self:
        query = parse_qs(urlsplit(said["next"] or "").query)
        return cls(tuple(item(each) for each in said["results"]), query.get("cursor", [""])[0])
