"""What must hold of orders, keys, events and the audit trail, however processes died; of money, see ``money``."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from bench.exchanging.asking import CUT, Command, Sample
from bench.exchanging.books import Books
from bench.exchanging.clients import Sight
from bench.exchanging.operators import WEIGHTS
from bench.exchanging.people import CLIENT_LIMITS, PAIR_LIMITS
from bench.promises import Promise
from web.models import OrderStatus
from web.services.day_limits import COME_TO_NOTHING
from web.transitions import ORDERS

WORKED_FOR = {"order.processing": "order.process", "order.completed": "order.complete", "order.failed": "order.fail"}
"""Events that an operator alone causes, and the audit trail's name of what they did."""


@dataclass(frozen=True, slots=True)
class Told:
    """What those outside met: every try of a request, every command, and every look at an order."""

    samples: list[Sample]
    commands: list[Command]
    sights: list[Sight]


def promises(books: Books, told: Told) -> Iterator[Promise]:
    """Those that are not about money."""
    yield _no_errors(told.samples)
    yield _moves(books)
    yield _sights(told.sights)
    yield _quotes(books, told.commands)
    yield _keys(books, told.commands)
    yield _limits(books)
    yield _delivered(books)
    yield _audited(books, told.samples)
    yield Promise("no background job was given up", not books.failed_jobs, _shown(books.failed_jobs))


def _no_errors(samples: list[Sample]) -> Promise:
    answers = ((sample.asked, sample.status) for sample in samples)
    # The card processor's page times out where the card that is picked is to do so.
    wrong = [f"{asked} {status}" for asked, status in answers if _is_error(status) and (asked, status) != ("card", 504)]
    cut = sum(sample.status == CUT for sample in samples)
    text = "no request was answered with an error of ours; with a killed process it was cut off"
    return Promise(text, not wrong and bool(samples), f"{_shown(wrong)} of {len(samples):,}, {cut:,} cut off")


def _is_error(status: int) -> bool:
    return status >= 500 or status == 403


def _moves(books: Books) -> Promise:
    """Each order's events are numbered 1, 2, 3 …, and tell of declared moves up to the status that it has."""
    told = {order_id: list(events) for order_id, events in groupby(books.events, key=attrgetter("order_id"))}
    wrong = [order.id for order in books.orders if not _is_told(order, told.get(order.id, []))]
    moved = sum(event.event_type.startswith("order.") for event in books.events)
    text = "every order is where its events say, numbered without gaps, by declared moves alone"
    return Promise(
        text,
        not wrong and bool(books.orders),
        f"{_some(wrong)} of {len(books.orders):,} are not; {moved:,} moves in {len(books.events):,} events",
    )


def _is_told(order: Any, events: list[Any]) -> bool:
    if [event.sequence for event in events] != list(range(1, len(events) + 1)):
        return False
    moves = [event for event in events if event.event_type.startswith("order.")]
    if not moves or moves[0].event_type != "order.created" or moves[0] is not events[0]:
        return False
    status = OrderStatus.PENDING
    for move in moves[1:]:
        to = OrderStatus(move.event_type.removeprefix("order."))
        if move.event_data["previous"] != status or to not in ORDERS[status]:
            return False
        status = to
    return bool(status == order.status)


def _sights(sights: list[Sight]) -> Promise:
    """Between two looks an order may have made several moves."""
    reachable = {status: _reachable(status) for status in OrderStatus}
    wrong = [sight for sight in sights if OrderStatus(sight.after) not in reachable[OrderStatus(sight.before)]]
    text = "nobody was shown an order as it had been before what they knew of it"
    shown = ", ".join(f"{sight.order_id} {sight.before} → {sight.after}" for sight in wrong[:3])
    return Promise(text, not wrong and bool(sights), f"{len(wrong)} of {len(sights):,} looks {shown}".rstrip())


def _reachable(status: OrderStatus) -> set[OrderStatus]:
    found, new = {status}, {status}
    while new:
        new = {to for known in new for to in ORDERS[known]} - found
        found |= new
    return found


def _quotes(books: Books, commands: list[Command]) -> Promise:
    """By what clients were told, and by what is stored."""
    taken: dict[str, set[str]] = defaultdict(set)
    for command in commands:
        if "quote_id" in command.body:
            taken[command.body["quote_id"]] |= {orjson.loads(effect)["id"] for effect in command.effects}
    twice = [quote_id for quote_id, orders in taken.items() if len(orders) > 1]
    orders = [quote.order_id for quote in books.quotes]
    one_each = sorted(orders) == sorted(order.id for order in books.orders)
    tried = Counter(command.body["quote_id"] for command in commands if "quote_id" in command.body)
    raced = sum(count > 1 for count in tried.values())
    return Promise(
        "no quote was taken twice, and every order has one",
        not twice and one_each,
        f"{_some(twice)} of {len(taken):,} were, {raced:,} by two requests at once",
    )


def _keys(books: Books, commands: list[Command]) -> Promise:
    """Who repeats a key is told the same, and that is there; each order and payment is the answer of one key."""
    stored = {key.key: bytes(key.body) for key in books.keys}
    wrong = [command.key for command in commands if not command.effects <= {stored.get(command.key)}]
    made = sorted(orjson.loads(body)["id"] for body in stored.values())
    there = sorted([*(order.id for order in books.orders), *(payment.id for payment in books.payments)])
    replayed = sum(was for command in commands for _, _, was in command.answers)
    return Promise(
        "every Idempotency-Key had one effect, and what was answered is there",
        not wrong and made == there,
        f"{_some(wrong)} of {len(commands):,} keys had not, {len(made):,} effects for {len(there):,} rows,"
        f" {replayed:,} answers replayed",
    )


def _limits(books: Books) -> Promise:
    """An order that was paid in time and known of too late counts again, and is not turned away: it is left out."""
    revived = {
        event.order_id
        for event in books.events
        if event.event_type == "order.paid" and event.event_data["previous"] == OrderStatus.EXPIRED
    }
    used: Counter[tuple[Any, ...]] = Counter()
    for order in books.orders:
        if order.status in COME_TO_NOTHING or order.id in revived:
            continue
        day = order.created_at.date()
        if order.from_currency in CLIENT_LIMITS:
            used[CLIENT_LIMITS[order.from_currency], day, order.user_id, order.from_currency] += order.amount
        pair = f"{order.from_currency}/{order.to_currency}"
        if pair in PAIR_LIMITS:
            used[PAIR_LIMITS[pair], day, pair] += order.amount
    above = [about for about, amount in used.items() if amount > about[0]]
    fullest = max((amount / about[0] for about, amount in used.items()), default=Decimal(0))
    return Promise(
        "no daily limit was exceeded",
        not above,
        f"{_some(above)} of {len(used)} were, the fullest is used by {fullest:.0%}",
    )


def _delivered(books: Books) -> Promise:
    """The telegram process has every event once, and handled each order's in their order."""
    published = [(event.id, event.order_id, event.sequence) for event in books.events]
    came = [(event.id, event.order_id, event.sequence) for event in books.inbox]
    unmarked = sum(event.delivered_at is None for event in books.events)
    unhandled = sum(event.handled_at is None for event in books.inbox)
    # Both are by order; the inbox of an order is by when it was handled, what was published by number.
    return Promise(
        "every event reached the telegram process once, and was handled in its order's order",
        published == came and not unmarked and not unhandled,
        f"{len(published):,} published, {len(came):,} came, {unmarked + unhandled} are not done with",
    )


def _audited(books: Books, samples: list[Sample]) -> Promise:
    """What only operators do has an entry, and one is unfinished only where a button's process died."""
    entries = Counter((line.action, line.resource_id) for line in books.trail if line.outcome in ("done", None))
    done = [
        (action, event.order_id) for event in books.events if (action := WORKED_FOR.get(event.event_type)) is not None
    ]
    missing = [what for what, count in Counter(done).items() if entries[what] < count]
    cut = sum(sample.asked in WEIGHTS and sample.status == CUT for sample in samples)
    outcomes = [line.outcome or "unfinished" for line in books.trail]
    return Promise(
        "nothing was done by operators without an entry in the audit trail, unfinished where they were cut off",
        not missing and outcomes.count("unfinished") <= cut and bool(done),
        f"{_some(missing)} of {len(done):,} moves; entries: {_shown(outcomes)}; {cut} buttons cut off",
    )


def _some(wrong: list[Any]) -> str:
    """How many, and the first of them."""
    return f"{len(wrong)} (such as {wrong[0]})" if wrong else "0"


def _shown(names: Iterable[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(Counter(names).items())) or "0"
