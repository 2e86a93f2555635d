"""What web answers to the bot, typed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Self, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.refusals import Refused

Item = TypeVar("Item")


class WebRefused(Refused):
    """Web will not do it: 4xx, with web's own ``code``, ``message``, ``details`` and ``retry_after`` (seconds)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The market's: how much of the pair's target one unit of its source buys, last said at ``confirmed_at``."""

    pair: Pair
    rate: Decimal
    confirmed_at: datetime
    valid_until: datetime | None

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        return cls(
            pair=Pair.parse(f"{said['from_currency']}_{said['to_currency']}"),
            rate=Decimal(said["rate"]),
            confirmed_at=datetime.fromisoformat(said["confirmed_at"]),
            valid_until=_moment(said["valid_until"]),
        )


@dataclass(frozen=True, slots=True)
class OfferedPair:
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

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        return cls(
            pair=said["pair"],
            from_currency=said["from_currency"],
            to_currency=said["to_currency"],
            minimum=Decimal(said["minimum"]),
            maximum=Decimal(said["maximum"]),
            from_decimals=said["from_decimals"],
            to_decimals=said["to_decimals"],
            fee=Decimal(said["fee"]),
            rate=_decimal(said["rate"]),
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything on offer; while ``maintenance_mode`` nothing can be exchanged."""

    maintenance_mode: bool
    quote_life_seconds: int
    pairs: tuple[OfferedPair, ...]

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        pairs = tuple(OfferedPair.of(pair) for pair in said["pairs"])
        return cls(said["maintenance_mode"], said["quote_life_seconds"], pairs)


@dataclass(frozen=True, slots=True)
class Quote:
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

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        return cls(
            id=UUID(said["id"]),
            pair=said["pair"],
            from_currency=said["from_currency"],
            to_currency=said["to_currency"],
            from_amount=Decimal(said["from_amount"]),
            to_amount=Decimal(said["to_amount"]),
            rate=Decimal(said["rate"]),
            fee=Decimal(said["fee"]),
            created_at=datetime.fromisoformat(said["created_at"]),
            expires_at=datetime.fromisoformat(said["expires_at"]),
        )


@dataclass(frozen=True, slots=True)
class Order:
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

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        return cls(
            id=UUID(said["id"]),
            status=said["status"],
            from_currency=said["from_currency"],
            to_currency=said["to_currency"],
            from_amount=Decimal(said["from_amount"]),
            to_amount=_decimal(said["to_amount"]),
            fee=_decimal(said["fee"]),
            exchange_rate=Decimal(said["exchange_rate"]),
            expires_at=_moment(said["expires_at"]),
            created_at=datetime.fromisoformat(said["created_at"]),
            updated_at=datetime.fromisoformat(said["updated_at"]),
        )


@dataclass(frozen=True, slots=True)
class Payment:
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

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        return cls(
            id=UUID(said["id"]),
            order_id=UUID(said["order_id"]),
            payment_method=said["payment_method"],
            amount=Decimal(said["amount"]),
            currency=said["currency"],
            status=said["status"],
            reference=said["reference"],
            instructions=said["instructions"],
            created_at=datetime.fromisoformat(said["created_at"]),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A page of a list; ``cursor`` asks for the next one, "" at the end."""

    items: tuple[Item, ...]
    cursor: str

    @classmethod
    def of(cls, said: dict[str, Any], item: Callable[[dict[str, Any]], Item]) -> Self:
        query = parse_qs(urlsplit(said["next"] or "").query)
        return cls(tuple(item(each) for each in said["results"]), query.get("cursor", [""])[0])


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
