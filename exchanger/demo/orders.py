"""The stories of the demo's orders: who exchanged what, when, and how it went.

Most are over by the anchor. A few are under way at it, so that the operators' queue has work: they are timed in
minutes before the anchor, whatever the hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from exchanger.demo.ids import demo_id, stream
from exchanger.demo.market import (
    CURRENCIES,
    DEMAND,
    FEE,
    HISTORY,
    KYIV,
    Currency,
    RateBook,
    spread_at,
)
from exchanger.demo.people import People, Person
from exchanger.kernel.money.currencies import currency
from web.models import Order, OrderStatus
from web.pricing import client_rate, price_given
from web.tests.factories import OrderFactory

QUOTE_LIFE: Final = timedelta(minutes=30)
"""How long an order waits for its payment."""

_OVER_BY: Final = timedelta(hours=4, minutes=15)  # no finished story takes longer than this

_Minutes = tuple[int, int]
_Path = tuple[tuple[OrderStatus, _Minutes], ...]

_PAID: Final = (OrderStatus.PAID, (2, 25))
_PROCESSING: Final = (OrderStatus.PROCESSING, (1, 40))
# Each way that a story goes on after `pending`, with the minutes that each step takes, and how many go that way.
_ENDINGS: Final[tuple[tuple[_Path, int], ...]] = (
    ((_PAID, _PROCESSING, (OrderStatus.COMPLETED, (5, 180))), 297),
    (((OrderStatus.EXPIRED, (30, 30)),), 29),
    (((OrderStatus.CANCELLED, (3, 25)),), 27),
    ((_PAID, _PROCESSING, (OrderStatus.REFUNDED, (20, 170))), 14),
    (((OrderStatus.FAILED, (2, 20)),), 10),
    ((_PAID, _PROCESSING, (OrderStatus.FAILED, (10, 120))), 8),
)
# The stories under way: the client's place in the list of clients, and when the order became pending, paid and
# processing, in minutes before the anchor.
_UNDER_WAY: Final = (
    (4, (203, 181, 160)), (6, (140, 122, 88)), (2, (95, 80, 35)), (11, (88, 71)), (5, (66, 44)),
    (1, (58, 41, 12)), (7, (47, 29)), (9, (31, 17)), (2, (26, 7)), (8, (23,)),
    (1, (19,)), (0, (14, 5)), (12, (11,)), (10, (8,)), (0, (3,)),
)  # fmt: skip
_HOURS: Final = (1, 1, 1, 1, 1, 1, 2, 4, 8, 13, 16, 17, 16, 14, 15, 16, 15, 13, 10, 8, 6, 4, 3, 2)  # of Kyiv
_WEEKDAYS: Final = (10, 10, 10, 10, 11, 6, 4)


@dataclass(frozen=True, slots=True)
class Step:
    """A status, and when the order came to it."""

    status: OrderStatus
    at: datetime


_Way = tuple[Person, tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class Story:
    """One order and its way so far.

    ``gross`` is what the amount comes to at the order's rate and ``fee`` the house's part of it, both in units of the
    order's ``to_currency``; the client receives the rest.
    """

    number: int
    client: Person
    order: Order
    steps: tuple[Step, ...]
    gross: Decimal
    fee: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.fee

    def reached(self, status: OrderStatus) -> datetime | None:
        """When the order came to ``status``; None when it never did."""
        return next((step.at for step in self.steps if step.status == status), None)


def make_stories(anchor: datetime, people: People, rates: RateBook) -> tuple[Story, ...]:
    """All stories, in the order in which they began."""
    ways = sorted((*_finished(anchor, people), *_under_way(anchor, people)), key=lambda way: way[1][0].at)
    return tuple(_story(number, client, steps, anchor, rates) for number, (client, steps) in enumerate(ways))


def _finished(anchor: datetime, people: People) -> Iterator[_Way]:
    chances = stream("finished")
    paths = [path for path, count in _ENDINGS for _ in range(count)]
    chances.shuffle(paths)
    for path, moment in zip(paths, _moments(anchor, chances), strict=False):
        steps = [Step(OrderStatus.PENDING, moment)]
        for status, (least, most) in path:
            taken = timedelta(seconds=chances.randint(least * 60, most * 60))
            steps.append(Step(status, steps[-1].at + taken))
        yield _client(people, moment, chances), tuple(steps)


def _under_way(anchor: datetime, people: People) -> Iterator[_Way]:
    statuses = (OrderStatus.PENDING, OrderStatus.PAID, OrderStatus.PROCESSING)
    for place, minutes in _UNDER_WAY:
        times = [anchor - timedelta(minutes=ago) for ago in minutes]
        yield people.clients[place], tuple(Step(status, at) for status, at in zip(statuses, times, strict=False))


def _moments(anchor: datetime, chances: Random) -> Iterator[datetime]:
    """When people order: mostly by day and on working days, and more with every month."""
    ages = range(HISTORY.days + 1)
    days = [(anchor - timedelta(days=age)).astimezone(KYIV).date() for age in ages]
    weights = [_WEEKDAYS[day.weekday()] * (2 * HISTORY.days - age) for age, day in zip(ages, days, strict=True)]
    while True:
        day, hour = chances.choices(days, weights)[0], chances.choices(range(24), _HOURS)[0]
        at = time(hour, chances.randrange(60), chances.randrange(60), tzinfo=KYIV)
        moment = datetime.combine(day, at).astimezone(UTC)
        if anchor - HISTORY <= moment <= anchor - _OVER_BY:
            yield moment


def _story(number: int, client: Person, steps: tuple[Step, ...], anchor: datetime, rates: RateBook) -> Story:
    began = steps[0].at
    chances = stream("order", number)
    source, target = _pair(rates, chances)
    amount = source.some_amount(chances)
    rate = client_rate(rates.on((source.code, target.code), began.date()), spread_at(began, anchor))
    price = price_given(amount, rate=rate, fee_share=FEE, received=currency(target.code))
    order: Order = OrderFactory.build(
        id=demo_id("order", number),
        user_id=client.id,
        from_currency=source.code,
        to_currency=target.code,
        amount=amount,
        exchange_rate=rate,
        status=steps[-1].status,
        expires_at=began + QUOTE_LIFE,
        created_at=began,
        updated_at=steps[-1].at,
    )
    return Story(number, client, order, steps, price.to_amount + price.fee, price.fee)


def _client(people: People, moment: datetime, chances: Random) -> Person:
    """Somebody who has joined by then; the earlier somebody is in the list, the more they exchange."""
    joined = [client for client in people.clients if client.joined_at < moment]
    return chances.choices(joined, [1 / (rank + 4) for rank in range(len(joined))])[0]


def _pair(rates: RateBook, chances: Random) -> tuple[Currency, Currency]:
    source, target = chances.choices(rates.pairs, [DEMAND[pair] for pair in rates.pairs])[0]
    return CURRENCIES[source], CURRENCIES[target]
