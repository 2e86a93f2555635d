"""One analytics event for each step of each order."""

from collections.abc import Iterator

from exchanger.demo.ids import demo_id
from exchanger.demo.orders import Story
from exchanger.demo.plan import Plan
from web.models import AnalyticsEvent, OrderStatus
from web.tests.factories import AnalyticsEventFactory


def analytics_events(plan: Plan) -> list[AnalyticsEvent]:
    """All events, in the order in which they happened."""
    events = [event for story in plan.stories for event in _of(story)]
    return sorted(events, key=lambda event: event.created_at)


def _of(story: Story) -> Iterator[AnalyticsEvent]:
    order = story.order
    previous: OrderStatus | None = None
    for step in story.steps:
        yield AnalyticsEventFactory.build(
            id=demo_id("event", story.number, step.status),
            user_id=story.client.id,
            event_type="order.created" if previous is None else f"order.{step.status}",
            event_data={
                "order_id": str(order.id),
                "from_currency": order.from_currency,
                "to_currency": order.to_currency,
                "amount": f"{order.amount:f}",
                "exchange_rate": f"{order.exchange_rate:f}",
                "from_status": previous,
                "to_status": step.status,
            },
            created_at=step.at,
        )
        previous = step.status
