"""The ledger of the demo's orders, and the convention that its signs follow.

An entry's amount is positive when money comes into the account and negative when it leaves it, seen from the account
named. The client's account is the client's own pocket, not a balance that the house owes. With ``A`` the order's
amount in its ``from_currency``, and ``gross``, ``fee`` and ``net = gross − fee`` in its ``to_currency``:

=====================  =================================================  =============
step                   entries                                            sum
=====================  =================================================  =============
paid                   client −A, house +A                                0 in `from`
completed              house −gross, client +net, fees +fee               0 in `to`
failed after payment   house −A, suspense +A (held until it is settled)   0 in `from`
refunded               house −A, client +A (the reverse of paid)          0 in `from`
=====================  =================================================  =============

An order that was never paid has no entries. Nothing is ever changed: whatever undoes an entry is its reverse.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from exchanger.demo.ids import demo_id
from exchanger.demo.orders import Story
from exchanger.demo.plan import Plan
from web.models import Account, OrderStatus, Transaction
from web.tests.factories import TransactionFactory

_Entries = tuple[tuple[Account, Decimal], ...]


def transactions(plan: Plan) -> list[Transaction]:
    """All entries, in the order in which they were made."""
    entries = [entry for story in plan.stories for entry in _of(story)]
    return sorted(entries, key=lambda entry: entry.created_at)


def _of(story: Story) -> Iterator[Transaction]:
    order, amount = story.order, story.order.amount
    paid = story.reached(OrderStatus.PAID)
    if paid is None:
        return
    received = ((Account.CLIENT, -amount), (Account.HOUSE, amount))
    yield from _entries(story, "Payment received", order.from_currency, paid, received)
    if completed := story.reached(OrderStatus.COMPLETED):
        payout = ((Account.HOUSE, -story.gross), (Account.CLIENT, story.net), (Account.FEES, story.fee))
        yield from _entries(story, "Payout less fee", order.to_currency, completed, payout)
    if failed := story.reached(OrderStatus.FAILED):
        held = ((Account.HOUSE, -amount), (Account.SUSPENSE, amount))
        yield from _entries(story, "Held: the payout failed", order.from_currency, failed, held)
    if refunded := story.reached(OrderStatus.REFUNDED):
        back = tuple((account, -entry) for account, entry in received)
        yield from _entries(story, "Refund of the payment", order.from_currency, refunded, back)


def _entries(story: Story, description: str, currency: str, at: datetime, entries: _Entries) -> Iterator[Transaction]:
    for account, amount in entries:
        yield TransactionFactory.build(
            id=demo_id("transaction", story.number, description, account),
            order=story.order,
            account=account,
            currency=currency,
            amount=amount,
            description=description,
            created_at=at,
        )
