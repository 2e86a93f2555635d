"""The rates of the demo: one period a day and pair, from midnight to midnight UTC, the newest one open.

Stored are the rates against the base currency; the others follow. They are the one thing that a later run adds to. A
pair is continued only where its open period is still the one that the demo made; once people have published, changed
or closed a rate of it, the pair is theirs.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from exchanger.demo.ids import demo_id
from exchanger.demo.market import Pair, RateBook, days_between
from web.models import ExchangeRate
from web.services.rates import forget_cached
from web.tests.factories import ExchangeRateFactory

SOURCE = "demo"
"""Who says so; a provider's rate takes the place of a demo one, which it would not of one set by hand."""


def rates_add(*, book: RateBook, today: date, history: bool) -> int:
    """Add the periods that are missing up to ``today`` (UTC); returns how many. Needs a transaction on ``web``.

    With ``history``, a pair without any rate gets all of it, from the book's first day on.
    """
    added: list[ExchangeRate] = []
    closed: list[ExchangeRate] = []
    for rate in _open_periods():
        pair, day = rate.pair, rate.valid_from.date()
        if day < today and _untouched(rate, pair, day, book):
            rate.valid_until = _midnight(day + timedelta(days=1))
            closed.append(rate)
            added += _periods(book, pair, day + timedelta(days=1), today)
    if history:
        known = set(ExchangeRate.objects.values_list("from_currency", "to_currency").distinct())
        for stored in book.stored:
            if stored not in known:
                added += _periods(book, stored, book.first_day, today)
    ExchangeRate.objects.bulk_update(closed, ["valid_until"])
    ExchangeRate.objects.bulk_create(added)
    forget_cached([rate.pair for rate in closed])  # this process reaches no Redis: the next one that does drops them
    return len(added)


def rate_id(pair: Pair, day: date) -> UUID:
    """The id of a pair's period that begins on ``day``."""
    return demo_id("rate", *pair, day)


def _open_periods() -> list[ExchangeRate]:
    """The periods without an end, locked against whoever publishes a rate at the same time."""
    return list(ExchangeRate.objects.select_for_update().filter(valid_until=None))


def _untouched(rate: ExchangeRate, pair: Pair, day: date, book: RateBook) -> bool:
    return bool(rate.id == rate_id(pair, day) and rate.rate == book.on(pair, day))


def _periods(book: RateBook, pair: Pair, first: date, last: date) -> list[ExchangeRate]:
    return [
        _period(pair, day, book.on(pair, day), None if day == last else _midnight(day + timedelta(days=1)))
        for day in days_between(first, last)
    ]


def _period(pair: Pair, day: date, rate: Decimal, valid_until: datetime | None) -> ExchangeRate:
    from_currency, to_currency = pair
    period: ExchangeRate = ExchangeRateFactory.build(
        id=rate_id(pair, day),
        from_currency=from_currency,
        to_currency=to_currency,
        rate=rate,
        valid_from=_midnight(day),
        valid_until=valid_until,
        source=SOURCE,
        confirmed_at=_midnight(day),
    )
    return period


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
