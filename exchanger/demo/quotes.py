"""The quotes that the demo's orders took: each follows from the stored rates of its day."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from exchanger.demo.ids import demo_id
from exchanger.demo.market import BASE, spread_at
from exchanger.demo.orders import Story
from exchanger.demo.plan import Plan
from exchanger.demo.rates import rate_id
from web.models import ExchangeRate, Quote
from web.tests.factories import QuoteFactory


def quotes(plan: Plan) -> list[Quote]:
    """A quote of each order whose rates are there: people who had rates of their own keep theirs instead."""
    stored = set(ExchangeRate.objects.values_list("pk", flat=True))
    legs = {story.number: list(_legs(story)) for story in plan.stories}
    return [_quote(story, legs[story.number], plan.anchor) for story in plan.stories if stored >= {*legs[story.number]}]


def _legs(story: Story) -> Iterator[UUID]:
    """The one or two stored rates, against the base currency, that the pair's rate follows from."""
    for code in (story.order.from_currency, story.order.to_currency):
        if code != BASE:
            yield rate_id((code, BASE), story.steps[0].at.date())


def _quote(story: Story, legs: list[UUID], anchor: datetime) -> Quote:
    order = story.order
    quote: Quote = QuoteFactory.build(
        id=demo_id("quote", story.number),
        user_id=story.client.id,
        from_currency=order.from_currency,
        to_currency=order.to_currency,
        from_amount=order.amount,
        to_amount=story.net,
        rate=order.exchange_rate,
        spread=spread_at(order.created_at, anchor),
        fee=story.fee,
        rate_id=legs[0],
        cross_rate_id=legs[1] if len(legs) > 1 else None,
        order=order,
        created_at=order.created_at,
        expires_at=order.expires_at,
    )
    return quote
