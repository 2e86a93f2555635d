"""The promises of bench/exchange.py hold for sound books, and each is broken by the bend that it is there to find.

And the fault drill's bookkeeping: a request is judged by the faults that it met.
"""

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace as Row

import pytest

from bench.drilling.clients import Kind
from bench.drilling.clients import Sample as Answer
from bench.drilling.faults import Fault, Hit
from bench.drilling.phases import Outcome, Phase, assign
from bench.exchanging.asking import Command, Sample
from bench.exchanging.books import Books
from bench.exchanging.clients import Sight
from bench.exchanging.money import money
from bench.exchanging.promises import Told, promises

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)
HUNDRED, TEN = Decimal(100), Decimal(10)


def event(number, kind, **data):
    return Row(id=f"e{number}", order_id="o1", sequence=number, event_type=kind, event_data=data, delivered_at=NOW)


def entry(kind, account, currency, amount):
    payment_id = None if kind == "order_completed" else "p1"
    return Row(
        order_id="o1",
        payment_id=payment_id,
        user_id="u",
        kind=kind,
        account=account,
        currency=currency,
        amount=Decimal(amount),
    )


def sound():
    """One completed order of 100 EUR by card, charged 110, of which 10 went back."""
    events = [
        event(1, "order.created"),
        event(2, "order.paid", previous="pending"),
        event(3, "order.processing", previous="paid"),
        event(4, "order.completed", previous="processing"),
    ]
    charge = {"id": "ch", "payment_id": "p1", "status": "succeeded", "amount": "110.00"}
    order = {"id": "o1", "user_id": "u", "from_currency": "EUR", "to_currency": "USD", "amount": HUNDRED}
    return Books(
        orders=[Row(**order, status="completed", created_at=NOW)],
        quotes=[Row(id="q", order_id="o1", to_amount=Decimal(115))],
        payments=[
            Row(
                id="p1",
                order_id="o1",
                user_id="u",
                payment_method="card",
                amount=Decimal(110),
                status="succeeded",
                reference="ch",
            )
        ],
        refunds=[Row(id="r", order_id="o1", payment_id="p1", amount=TEN, status="succeeded", reference="re")],
        entries=[
            entry("payment_received", "client", "EUR", -110),
            entry("payment_received", "house", "EUR", 100),
            entry("payment_received", "suspense", "EUR", 10),
            entry("excess_refunded", "suspense", "EUR", -10),
            entry("excess_refunded", "client", "EUR", 10),
            entry("order_completed", "house", "USD", -116),
            entry("order_completed", "client", "USD", 115),
            entry("order_completed", "fees", "USD", 1),
        ],
        keys=[Row(key="k1", body=b'{"id":"o1"}'), Row(key="k2", body=b'{"id":"p1"}')],
        events=events,
        inbox=[Row(**{**vars(told), "handled_at": NOW}) for told in events],
        trail=[Row(action=f"order.{verb}", resource_id="o1", outcome="done") for verb in ("process", "complete")],
        charges={"p1": charge},
        sent={"r": {"id": "re", "payment_id": "p1", "amount": "10.00"}},
        failed_jobs=[],
    )


def told():
    return Told(
        samples=[Sample("order", 0.0, 1.0, 201), Sample("order", 1.0, 2.0, 0), Sample("card", 2.0, 3.0, 504)],
        commands=[
            Command("k1", "/orders/", {"quote_id": "q"}, [(201, b'{"id":"o1"}', False), (201, b'{"id":"o1"}', True)]),
            Command("k2", "/orders/o1/payments/", {"payment_method": "card"}, [(201, b'{"id":"p1"}', False)]),
            Command("k3", "/orders/", {"quote_id": "q"}, [(409, b"{}", False)]),
        ],
        sights=[Sight("o1", "pending", "processing"), Sight("o1", "processing", "processing")],
    )


def broken(books, told):
    return [promise.text for promise in (*promises(books, told), *money(books)) if not promise.held]


def test_every_promise_holds_for_sound_books():
    assert broken(sound(), told()) == []


def replaced(rows, index, **changes):
    rows[index] = Row(**{**vars(rows[index]), **changes})


def by_hand(books):
    """An operator sent what the card processor was to send."""
    books.sent.clear()
    replaced(books.refunds, 0, reference="TR-r")


def test_a_refund_goes_by_hand_where_the_processor_refused_it_and_nowhere_else():
    books = sound()
    by_hand(books)
    assert len(broken(books, told())) == 1
    refused = event(5, "refund.failed", refund_id="r")
    books.events.append(refused)
    books.inbox.append(Row(**{**vars(refused), "handled_at": NOW}))
    assert broken(books, told()) == []


BENDS = {
    "error of ours": lambda books, told: told.samples.append(Sample("order", 0.0, 1.0, 500)),
    "by declared moves": lambda books, told: replaced(books.events, 2, event_type="order.failed"),
    "numbered without gaps": lambda books, told: (books.events.pop(1), books.inbox.pop(1)),
    "shown an order": lambda books, told: told.sights.append(Sight("o1", "paid", "pending")),
    "no quote was taken twice": lambda books, told: books.quotes.append(Row(id="q2", order_id="o1", to_amount=TEN)),
    "Idempotency-Key": lambda books, told: told.commands[0].answers.append((201, b'{"id":"o2"}', False)),
    "what was answered is there": lambda books, told: books.keys.pop(),
    "daily limit": lambda books, told: replaced(books.orders, 0, amount=Decimal(1201)),
    "telegram process": lambda books, told: books.inbox.append(books.inbox[0]),
    "in its order's order": lambda books, told: books.inbox.reverse(),
    "audit trail": lambda books, told: books.trail.pop(),
    "unfinished": lambda books, told: books.trail.append(Row(action="order.fail", resource_id="o2", outcome=None)),
    "background job": lambda books, told: books.failed_jobs.append("orders.expire"),
    "every charge": lambda books, told: replaced(books.entries, 0, amount=Decimal(-100)),
    "nothing else is": lambda books, told: books.charges.clear(),
    "every refund": lambda books, told: replaced(books.refunds, 0, amount=Decimal(9)),
    "card processor sent": lambda books, told: books.sent.clear(),
    "what they gave": lambda books, told: books.entries.pop(1),
    "every completed order": lambda books, told: replaced(books.entries, 6, amount=Decimal(114)),
}


@pytest.mark.parametrize("promise", BENDS)
def test_a_bend_breaks_the_promise_that_is_there_to_find_it(promise):
    books, met = deepcopy(sound()), told()
    BENDS[promise](books, met)
    assert any(promise in text for text in broken(books, met))


@pytest.mark.parametrize(
    ("began", "ended", "status", "outcome"),
    [
        (0.5, 0.6, 503, Outcome.REFUSED),
        (0.5, 0.6, 0, Outcome.FAILED),
        (0.5, 2.5, 0, Outcome.CUT),  # too slow for the pause between: it met the second fault, too
        (1.5, 2.5, 0, Outcome.CUT),
        (1.2, 1.8, 503, Outcome.FAILED),
        (1.2, 1.8, 200, Outcome.OK),
    ],
)
def test_a_request_of_the_drill_may_end_as_a_fault_that_it_met_allows(began, ended, status, outcome):
    database, process = Fault("stopped", Hit.POSTGRESQL, None), Fault("killed", Hit.WEB, None)
    phases = [
        Phase("stopped", 0, 1, database),
        Phase("healed", 1, 2, database, healed=True),
        Phase("killed", 2, 3, process),
    ]
    answer = Answer(Kind.LOGIN, 0, began, ended, status, code="unavailable", retry_after=True)

    assign([answer], phases)

    (judge,) = [phase for phase in phases if phase.samples]
    assert judge.judged(answer) is outcome
