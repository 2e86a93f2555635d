"""The chart of accounts and the entry sets that may be written: what each event of an order does to the money.

An entry's amount is positive when money comes into the account and negative when it leaves it, seen from the account
named. The client's account is the client's own pocket, not a balance that the house owes. With ``A`` the order's
amount in its ``from_currency``, ``P`` what a payment brought, and ``gross = net + fee`` in its ``to_currency``:

===================  ==========================================  ==================================================
kind                 entries                                     when
===================  ==========================================  ==================================================
payment_received     client −P, house +A, suspense +(P − A)      a payment that pays the order; the excess is held
payment_held         client −P, suspense +P                      it does not pay it: too little, too late, or again
order_completed      house −gross, client +net, fees +fee        the payout went out
payout_failed        house −A, suspense +A                       it did not: the payment is held, a refund is due
order_cancelled      house −A, suspense +A                       cancelled after payment: held, a refund is due
fee_charged          suspense −f, fees +f                        the house keeps a part of what is held
excess_refunded      suspense −(P − A), client +(P − A)          what was paid too much went back; the order goes on
payment_refunded     house −h, suspense −s, client +(h + s)      what is left of the payment went back
===================  ==========================================  ==================================================

Every set sums to zero in its one currency, is written at most once per order and payment, and is never changed:
whatever undoes an entry is its reverse. ``suspense`` is what the house holds for clients: all of it is due to them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from web.models import Account, EntryKind, Order, Payment

NOTHING = Decimal(0)
Entries = tuple[tuple[Account, Decimal], ...]

DESCRIPTIONS = {
    EntryKind.PAYMENT_RECEIVED: "Payment received",
    EntryKind.PAYMENT_HELD: "Payment held: a refund is due",
    EntryKind.ORDER_COMPLETED: "Payout less fee",
    EntryKind.PAYOUT_FAILED: "Held: the payout failed",
    EntryKind.ORDER_CANCELLED: "Held: the order was cancelled",
    EntryKind.FEE_CHARGED: "Fee kept from what was held",
    EntryKind.EXCESS_REFUNDED: "Refund of what was paid too much",
    EntryKind.PAYMENT_REFUNDED: "Refund of the payment",
}


class WrongEntries(ValueError):
    """The amounts do not make an entry set of this kind."""


@dataclass(frozen=True, slots=True)
class EntrySet:
    """The entries of one event, all in ``currency`` units; ``payment_id`` is the payment that it is about, if any.

    Raises:
        WrongEntries: the entries do not balance, are fewer than two, or repeat an account.
    """

    kind: EntryKind
    currency: str
    entries: Entries
    payment_id: UUID | None = None

    def __post_init__(self) -> None:
        accounts = [account for account, _ in self.entries]
        if sum(amount for _, amount in self.entries) != 0 or len(accounts) < 2 or len(accounts) != len(set(accounts)):
            raise WrongEntries(f"{self.kind}: {self.entries} is no balanced entry set")

    @property
    def description(self) -> str:
        return DESCRIPTIONS[self.kind]


def payment_received(order: Order, payment: Payment) -> EntrySet:
    """The payment pays for the order; what it brought beyond the order's amount is held for the client.

    Raises:
        WrongEntries: it brought less.
    """
    excess = payment.amount - order.amount
    if excess < 0:
        raise WrongEntries(f"payment {payment.pk} brings {payment.amount}, less than the order's {order.amount}")
    moves = ((Account.CLIENT, -payment.amount), (Account.HOUSE, order.amount), (Account.SUSPENSE, excess))
    return _of_payment(EntryKind.PAYMENT_RECEIVED, order, payment, moves)


def payment_held(order: Order, payment: Payment) -> EntrySet:
    """The payment does not pay for the order: it is too little, too late, or the second. All of it is held."""
    moves = ((Account.CLIENT, -payment.amount), (Account.SUSPENSE, payment.amount))
    return _of_payment(EntryKind.PAYMENT_HELD, order, payment, moves)


def order_completed(order: Order, *, gross: Decimal, fee: Decimal = NOTHING) -> EntrySet:
    """The client got ``gross`` less ``fee``, both in units of the order's ``to_currency``."""
    moves = ((Account.HOUSE, -gross), (Account.CLIENT, gross - fee), (Account.FEES, fee))
    if not 0 <= fee < gross:
        raise WrongEntries(f"a fee of {fee} on a payout of {gross}")
    return EntrySet(EntryKind.ORDER_COMPLETED, order.to_currency, _moving(moves))


def payout_failed(order: Order, payment: Payment) -> EntrySet:
    return _of_payment(EntryKind.PAYOUT_FAILED, order, payment, _held_again(order))


def order_cancelled(order: Order, payment: Payment) -> EntrySet:
    return _of_payment(EntryKind.ORDER_CANCELLED, order, payment, _held_again(order))


def fee_charged(order: Order, payment: Payment, *, fee: Decimal) -> EntrySet:
    """The house keeps ``fee`` of what it holds of the payment; the refund returns the rest."""
    if not 0 < fee <= payment.amount:
        raise WrongEntries(f"a fee of {fee} on a payment of {payment.amount}")
    return _of_payment(EntryKind.FEE_CHARGED, order, payment, ((Account.SUSPENSE, -fee), (Account.FEES, fee)))


def excess_refunded(order: Order, payment: Payment) -> EntrySet:
    """What the payment brought beyond the order's amount went back."""
    excess = payment.amount - order.amount
    moves = ((Account.SUSPENSE, -excess), (Account.CLIENT, excess))
    return _of_payment(EntryKind.EXCESS_REFUNDED, order, payment, moves)


def payment_refunded(order: Order, payment: Payment, *, house: Decimal, suspense: Decimal) -> EntrySet:
    """What is left of the payment went back: ``house`` and ``suspense`` are what these accounts hold of it."""
    if house < 0 or suspense < 0:
        raise WrongEntries(f"payment {payment.pk} has {house} in house and {suspense} in suspense")
    moves = ((Account.HOUSE, -house), (Account.SUSPENSE, -suspense), (Account.CLIENT, house + suspense))
    return _of_payment(EntryKind.PAYMENT_REFUNDED, order, payment, moves)


def _held_again(order: Order) -> Entries:
    return (Account.HOUSE, -order.amount), (Account.SUSPENSE, order.amount)


def _of_payment(kind: EntryKind, order: Order, payment: Payment, moves: Entries) -> EntrySet:
    return EntrySet(kind, order.from_currency, _moving(moves), payment.pk)


def _moving(moves: Iterable[tuple[Account, Decimal]]) -> Entries:
    return tuple((account, amount) for account, amount in moves if amount != 0)
