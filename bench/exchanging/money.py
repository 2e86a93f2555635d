"""What must hold of the money: what the ledger says, against what the card processor and the refunds say."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bench.exchanging.books import Books, total
from bench.exchanging.operators import transfer_reference
from bench.promises import Promise
from web.ledger import NOTHING

ARRIVED = ("succeeded", "refunded")
CAME = ("payment_received", "payment_held")


def money(books: Books) -> Iterator[Promise]:
    yield _charges(books)
    yield _refunds(books)
    yield _given(books)
    yield _received(books)


def _charges(books: Books) -> Promise:
    """By our payments, and by what the ledger says that their clients gave."""
    by_card = {payment.id: payment for payment in books.payments if payment.payment_method == "card"}
    booked: dict[str, list[Decimal]] = defaultdict(list)
    for entry in books.entries:
        if entry.kind in CAME and entry.account == "client" and entry.payment_id in by_card:
            booked[entry.payment_id].append(-entry.amount)
    wrong = [
        payment_id
        for payment_id, charge in books.charges.items()
        if booked.get(payment_id) != [Decimal(charge["amount"])] or not _is_settled(by_card.get(payment_id), charge)
    ]
    unknown = [payment_id for payment_id in booked if payment_id not in books.charges]
    unknown += [key for key, payment in by_card.items() if payment.status in ARRIVED and key not in books.charges]
    return Promise(
        "every charge of the card processor is booked here exactly once, and nothing else is",
        not wrong and not unknown and bool(books.charges),
        f"{len(wrong)} of {len(books.charges):,} are not, {len(unknown)} are nobody's",
    )


def _is_settled(payment: Any, charge: dict[str, Any]) -> bool:
    return bool(
        payment is not None
        and payment.status in ARRIVED
        and payment.reference == charge["id"]
        and payment.amount == Decimal(charge["amount"])
    )


def _refunds(books: Books) -> Promise:
    """What the processor sent is a refund of ours with its amount and reference; what we say it sent, it did.

    What it refused an operator may have sent by hand.
    """
    card = {payment.id for payment in books.payments if payment.payment_method == "card"}
    ours = {refund.id: refund for refund in books.refunds if refund.payment_id in card}
    wrong = [refund_id for refund_id, sent in books.sent.items() if not _is_booked(ours.get(refund_id), sent)]
    refused = {told.event_data["refund_id"] for told in books.events if told.event_type == "refund.failed"}
    by_hand = {key for key in refused & ours.keys() if ours[key].reference == transfer_reference(key)}
    back = {key for key, refund in ours.items() if refund.status == "succeeded"}
    unsent = back - books.sent.keys() - by_hand
    gone: dict[str, Decimal] = defaultdict(Decimal)
    for sent in books.sent.values():
        gone[sent["payment_id"]] += Decimal(sent["amount"])
    charged = {payment_id: Decimal(charge["amount"]) for payment_id, charge in books.charges.items()}
    more = [payment_id for payment_id, amount in gone.items() if amount > charged.get(payment_id, NOTHING)]
    return Promise(
        "every refund that the card processor sent is ours, once, with its amount",
        not wrong and not unsent and not more,
        f"{len(wrong)} of {len(books.sent):,} are not, {len(unsent)} were not sent, {len(more)} above their charge;"
        f" {len(by_hand)} that it refused went by hand",
    )


def _is_booked(refund: Any, sent: dict[str, Any]) -> bool:
    return bool(
        refund is not None
        and refund.status == "succeeded"
        and refund.amount == Decimal(sent["amount"])
        and refund.payment_id == sent["payment_id"]
        and refund.reference == sent["id"]
    )


def _given(books: Books) -> Promise:
    """Per client and currency: what came by their payments is what went back and what house, fees and suspense have."""
    orders = {order.id: order for order in books.orders}
    came: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    kept: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for payment in books.payments:
        if payment.status in ARRIVED:
            came[payment.user_id, orders[payment.order_id].from_currency] += payment.amount
    for refund in books.refunds:
        if refund.status == "succeeded":
            order = orders[refund.order_id]
            kept[order.user_id, order.from_currency] += refund.amount
    for entry in books.entries:
        if entry.kind != "order_completed" and entry.account != "client":
            kept[entry.user_id, entry.currency] += entry.amount
    wrong = {key for key in {*came, *kept} if came[key] != kept[key]}
    text = "of each client and currency, what they gave is what is the house's, held for them, or returned"
    return Promise(text, not wrong and bool(came), f"{len(wrong)} of {len(came)} are not; {_sums(books)}")


def _received(books: Books) -> Promise:
    """Completed orders paid out what their quotes had promised, and no other order paid anything."""
    quotes = {quote.order_id: quote.to_amount for quote in books.quotes}
    promised = {order.id: quotes.get(order.id) for order in books.orders if order.status == "completed"}
    paid = {
        entry.order_id: entry.amount
        for entry in books.entries
        if entry.kind == "order_completed" and entry.account == "client"
    }
    return Promise(
        "every completed order paid out what its quote had promised, and no other paid anything",
        promised == paid,
        f"{len(promised):,} promised, {len(paid):,} paid",
    )


def _sums(books: Books) -> str:
    given = [entry for entry in books.entries if entry.kind != "order_completed"]
    shown = []
    for currency in sorted({entry.currency for entry in given}):
        accounts = {
            account: total(e.amount for e in given if (e.currency, e.account) == (currency, account))
            for account in ("client", "house", "suspense")
        }
        shown.append(
            f"{currency} {-accounts['client']:,.2f} = {accounts['house']:,.2f} + {accounts['suspense']:,.2f} held"
        )
    return ", ".join(shown)
