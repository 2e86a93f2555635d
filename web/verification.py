"""The ledger against the orders and payments that it tells of, recomputed from the declared entry sets."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import TypeVar
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Model, QuerySet

from web import ledger
from web.ledger import NOTHING, EntrySet, WrongEntries
from web.models import (
    Account,
    EntryKind,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    Quote,
    Refund,
    RefundKind,
    RefundStatus,
    Transaction,
)

ALIAS = "web"
BATCH = 500
_PAID_FOR = {OrderStatus.PAID, OrderStatus.PROCESSING, OrderStatus.COMPLETED}
_ARRIVED = {PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED}
_FOLLOWING: dict[EntryKind, Callable[[Order, Payment], EntrySet]] = {
    EntryKind.PAYOUT_FAILED: ledger.payout_failed,
    EntryKind.ORDER_CANCELLED: ledger.order_cancelled,
    EntryKind.EXCESS_REFUNDED: ledger.excess_refunded,
}
_REFUNDED = {RefundKind.PAYMENT: EntryKind.PAYMENT_REFUNDED, RefundKind.EXCESS: EntryKind.EXCESS_REFUNDED}
_ORPHANS = """
SELECT format('entry %s is of order %s, which is not there', t.id, t.order_id) FROM transactions t
WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = t.order_id)
UNION ALL
SELECT format('entry %s of order %s is of payment %s, which is not there or another order''s',
              t.id, t.order_id, t.payment_id) FROM transactions t
WHERE t.payment_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM payments p WHERE p.id = t.payment_id AND p.order_id = t.order_id)
UNION ALL
SELECT format('payment %s is of order %s, which is not there', p.id, p.order_id) FROM payments p
WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = p.order_id)
LIMIT 1
"""

Row = TypeVar("Row", bound=Model)
SetKey = tuple[str, UUID | None]


class Discrepancy(Exception):
    """What does not agree, with the ids of the rows."""


@dataclass(slots=True)
class Books:
    """All that there is of one order."""

    order: Order
    payments: list[Payment]
    entries: list[Transaction]
    quote: Quote | None = None
    refunds: list[Refund] = field(default_factory=list)
    sets: dict[SetKey, list[Transaction]] = field(init=False)

    def __post_init__(self) -> None:
        self.sets = defaultdict(list)
        for entry in self.entries:
            self.sets[entry.kind, entry.payment_id].append(entry)

    def __str__(self) -> str:
        return f"order {self.order.pk} ({self.order.status})"

    def of(self, kind: EntryKind, payment: Payment | None = None) -> list[Transaction]:
        return self.sets.get((kind, payment.pk if payment else None), [])

    def left(self, account: Account, payment: Payment) -> Decimal:
        """What an account had of a payment before its refund, without what a refund of its own has yet to return."""
        about = (entry for entry in self.entries if entry.payment_id == payment.pk and entry.account == account)
        left = sum((entry.amount for entry in about if entry.kind != EntryKind.PAYMENT_REFUNDED), NOTHING)
        return left - self.excess_due(payment) if account == Account.SUSPENSE else left

    def excess_due(self, payment: Payment) -> Decimal:
        due = (
            refund for refund in self.refunds if refund.payment_id == payment.pk and refund.kind == RefundKind.EXCESS
        )
        return sum((refund.amount for refund in due if refund.status != RefundStatus.SUCCEEDED), NOTHING)


def ledger_verify() -> Iterator[int]:
    """Go through all orders in one snapshot, with memory for one batch; yields how many were verified so far.

    Raises:
        Discrepancy: the first one found.
    """
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(_ORPHANS)
        if orphan := cursor.fetchone():
            raise Discrepancy(orphan[0])
        verified = 0
        for batch in _batches():
            for books in batch:
                verify(books)
            verified += len(batch)
            yield verified


def verify(books: Books) -> None:
    """Everything that must hold for one order.

    Raises:
        Discrepancy: the first thing that does not.
    """
    _people(books)
    _quoted(books)
    try:
        expected = {(str(wanted.kind), wanted.payment_id): wanted for wanted in _expected(books)}
    except WrongEntries as error:
        raise Discrepancy(f"{books}: {error}") from error
    _agrees(books, expected)
    _refunded(books)
    _sums(books)


def _batches() -> Iterator[list[Books]]:
    """All orders, by id: keyset pages need no cursor of the server's, which PgBouncer would not keep."""
    orders = Order.objects.order_by("pk")
    page = list(orders[:BATCH])
    while page:
        within = {"order_id__gte": page[0].pk, "order_id__lte": page[-1].pk}
        payments = _by_order(Payment.objects.filter(**within).order_by("order_id", "created_at", "pk"))
        entries = _by_order(Transaction.objects.filter(**within).order_by("order_id", "created_at", "pk"))
        quotes = {quote.order_id: quote for quote in Quote.objects.filter(**within)}
        refunds = _by_order(Refund.objects.filter(**within).order_by("order_id", "created_at", "pk"))
        yield [
            Books(
                order,
                payments.get(order.pk, []),
                entries.get(order.pk, []),
                quotes.get(order.pk),
                refunds.get(order.pk, []),
            )
            for order in page
        ]
        page = list(orders.filter(pk__gt=page[-1].pk)[:BATCH])


def _by_order(rows: QuerySet[Row]) -> dict[UUID, list[Row]]:
    return {order_id: list(group) for order_id, group in groupby(rows, key=lambda row: row.order_id)}  # type: ignore[attr-defined]


# --- What must hold


def _expected(books: Books) -> Iterator[EntrySet]:
    """The entry sets that the order and its payments ask for.

    Whether a payment was held, what was kept as a fee and what was paid too much and went back, the ledger alone
    knows; their amounts are recomputed like all others.
    """
    order = books.order
    for payment in books.payments:
        if payment.status not in _ARRIVED:
            continue
        held = books.of(EntryKind.PAYMENT_HELD, payment)
        yield ledger.payment_held(order, payment) if held else ledger.payment_received(order, payment)
        for kind, declared in _FOLLOWING.items():
            if books.of(kind, payment):
                yield declared(order, payment)
        if charged := books.of(EntryKind.FEE_CHARGED, payment):
            yield ledger.fee_charged(order, payment, fee=_fee(charged))
        if payment.status == PaymentStatus.REFUNDED:
            left = {account: books.left(account, payment) for account in (Account.HOUSE, Account.SUSPENSE)}
            yield ledger.payment_refunded(order, payment, house=left[Account.HOUSE], suspense=left[Account.SUSPENSE])
    if order.status == OrderStatus.COMPLETED:
        gross, fee = _payout(books)
        yield ledger.order_completed(order, gross=gross, fee=fee)


def _payout(books: Books) -> tuple[Decimal, Decimal]:
    """Gross and fee of a completed order: its quote's; without one, what the ledger says, if it fits the rate."""
    if books.quote is not None:
        return books.quote.to_amount + books.quote.fee, books.quote.fee
    completed = books.of(EntryKind.ORDER_COMPLETED)
    return _gross(books, completed), _fee(completed)


def _fee(entries: list[Transaction]) -> Decimal:
    return sum((entry.amount for entry in entries if entry.account == Account.FEES), NOTHING)


def _gross(books: Books, completed: list[Transaction]) -> Decimal:
    """What left the house, which is the order's amount at its rate, rounded to as many places as it shows."""
    gross = -sum((entry.amount for entry in completed if entry.account == Account.HOUSE), NOTHING)
    exact = books.order.amount * books.order.exchange_rate
    exponent = gross.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # PostgreSQL's sum of amounts is finite
    if abs(gross - exact) >= Decimal(10) ** min(exponent, 0):
        raise Discrepancy(f"{books}: its payout is {gross}, and its amount at its rate {exact}")
    return gross


def _agrees(books: Books, expected: dict[SetKey, EntrySet]) -> None:
    for key in {**expected, **books.sets}:
        kind, payment_id = key
        name = f"{books}: {kind}" + (f" of payment {payment_id}" if payment_id else "")
        found = sorted((entry.account, entry.currency, entry.amount) for entry in books.sets.get(key, []))
        ids = ", ".join(str(entry.pk) for entry in books.sets.get(key, []))
        if not found:
            raise Discrepancy(f"{name} is not in the ledger")
        if key not in expected:
            raise Discrepancy(f"{name} is in the ledger (entries {ids}), and nothing asks for it")
        wanted = sorted((account, expected[key].currency, amount) for account, amount in expected[key].entries)
        if found != wanted:
            raise Discrepancy(f"{name} should be {_shown(wanted)} and is {_shown(found)} (entries {ids})")


def _shown(entries: Sequence[tuple[str, str, Decimal]]) -> str:
    return ", ".join(f"{account} {amount:+f} {currency}" for account, currency, amount in entries)


def _people(books: Books) -> None:
    for entry in books.entries:
        if entry.user_id != books.order.user_id:
            raise Discrepancy(f"{books}: entry {entry.pk} is of person {entry.user_id}, not {books.order.user_id}")


def _quoted(books: Books) -> None:
    """An order has the figures of the quote that it took."""
    order, quote = books.order, books.quote
    if quote is None:
        return
    figures = {
        "person": (order.user_id, quote.user_id),
        "currency given": (order.from_currency, quote.from_currency),
        "currency received": (order.to_currency, quote.to_currency),
        "amount": (order.amount, quote.from_amount),
        "rate": (order.exchange_rate, quote.rate),
    }
    for name, (has, offered) in figures.items():
        if has != offered:
            raise Discrepancy(f"{books}: its {name} is {has}, and that of its quote {quote.pk} is {offered}")


def _refunded(books: Books) -> None:
    """A refund that went back is in the ledger with its amount, any other is not, and they are due all that is held."""
    for payment in books.payments:
        due = NOTHING
        for refund in (refund for refund in books.refunds if refund.payment_id == payment.pk):
            entries = books.of(_REFUNDED[RefundKind(refund.kind)], payment)
            went = sum((entry.amount for entry in entries if entry.account == Account.CLIENT), NOTHING)
            should = refund.amount if refund.status == RefundStatus.SUCCEEDED else NOTHING
            if went != should:
                raise Discrepancy(f"{books}: {went} of refund {refund.pk} ({refund.status}) went back, not {should}")
            due += refund.amount - went
        about = (entry for entry in books.entries if entry.payment_id == payment.pk)
        held = sum((entry.amount for entry in about if entry.account == Account.SUSPENSE), NOTHING)
        if due != held:
            raise Discrepancy(f"{books}: refunds of {due} of payment {payment.pk} are due, and {held} is held")


def _sums(books: Books) -> None:
    """Zero per currency; and the house has the order's amount as long as the order is being worked for, or is done."""
    for currency in sorted({entry.currency for entry in books.entries}):
        total = sum((entry.amount for entry in books.entries if entry.currency == currency), NOTHING)
        if total != 0:
            raise Discrepancy(f"{books}: its entries in {currency} sum to {total}, not zero")
    order = books.order
    about = (
        entry for entry in books.entries if (entry.account, entry.currency) == (Account.HOUSE, order.from_currency)
    )
    house, due = sum((entry.amount for entry in about), NOTHING), order.amount if order.status in _PAID_FOR else NOTHING
    if house != due:
        raise Discrepancy(f"{books}: the house has {house} {order.from_currency} of it, not {due}")
