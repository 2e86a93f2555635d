"""The ledger of the demo's orders, by the platform's own entry sets (see ``web/ledger.py`` for the signs)."""

from collections.abc import Iterator
from datetime import datetime

from exchanger.demo.ids import demo_id
from exchanger.demo.orders import Story
from exchanger.demo.payments import paying
from exchanger.demo.plan import Plan
from web.ledger import NOTHING, EntrySet, order_completed, payment_received, payment_refunded, payout_failed
from web.models import OrderStatus, Transaction
from web.tests.factories import TransactionFactory


def transactions(plan: Plan) -> list[Transaction]:
    """All entries, in the order in which they were made."""
    entries = [entry for story in plan.stories for entry in _of(story)]
    return sorted(entries, key=lambda entry: entry.created_at)


def _of(story: Story) -> Iterator[Transaction]:
    """An order that was never paid has no entries."""
    paid = story.reached(OrderStatus.PAID)
    if paid is None:
        return
    order, payment = story.order, paying(story)
    yield from _entries(story, payment_received(order, payment), paid)
    if completed := story.reached(OrderStatus.COMPLETED):
        yield from _entries(story, order_completed(order, gross=story.gross, fee=story.fee), completed)
    if failed := story.reached(OrderStatus.FAILED):
        yield from _entries(story, payout_failed(order, payment), failed)
    if refunded := story.reached(OrderStatus.REFUNDED):
        back = payment_refunded(order, payment, house=payment.amount, suspense=NOTHING)
        yield from _entries(story, back, refunded)


def _entries(story: Story, entry_set: EntrySet, at: datetime) -> Iterator[Transaction]:
    for account, amount in entry_set.entries:
        yield TransactionFactory.build(
            id=demo_id("transaction", story.number, entry_set.description, account),
            order=story.order,
            payment_id=entry_set.payment_id,
            user_id=story.client.id,
            kind=entry_set.kind,
            account=account,
            currency=entry_set.currency,
            amount=amount,
            description=entry_set.description,
            created_at=at,
        )
