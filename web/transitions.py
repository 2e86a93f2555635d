"""Every move that an order, a payment and a refund can make: the one declaration, which services and triggers follow.

A test holds PostgreSQL's triggers against these tables, move by move.
"""

from collections.abc import Mapping
from typing import Final

from web.models.statuses import OrderStatus, PaymentStatus, RefundStatus

_O, _P, _R = OrderStatus, PaymentStatus, RefundStatus

ORDERS: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = {
    _O.PENDING: frozenset({_O.PAID, _O.CANCELLED, _O.EXPIRED}),
    _O.PAID: frozenset({_O.PROCESSING, _O.CANCELLED}),
    _O.PROCESSING: frozenset({_O.COMPLETED, _O.FAILED}),
    _O.COMPLETED: frozenset(),
    # The money went back; one that was cancelled before it was paid stays cancelled.
    _O.CANCELLED: frozenset({_O.REFUNDED}),
    # The money had come in time, and we learned of it too late.
    _O.EXPIRED: frozenset({_O.PAID}),
    _O.FAILED: frozenset({_O.REFUNDED}),
    _O.REFUNDED: frozenset(),
}
PAYMENTS: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    _P.PENDING: frozenset({_P.SUCCEEDED, _P.FAILED, _P.CANCELLED}),
    _P.SUCCEEDED: frozenset({_P.REFUNDED}),
    # Money that comes after all is never turned away unaccounted for.
    _P.FAILED: frozenset({_P.SUCCEEDED}),
    _P.CANCELLED: frozenset({_P.SUCCEEDED}),
    _P.REFUNDED: frozenset(),
}
REFUNDS: Final[Mapping[RefundStatus, frozenset[RefundStatus]]] = {
    _R.REQUESTED: frozenset({_R.APPROVED, _R.REJECTED}),
    _R.APPROVED: frozenset({_R.SUCCEEDED, _R.FAILED}),
    # Sent again, or by hand; and money that went is booked, whatever we were told before.
    _R.FAILED: frozenset({_R.APPROVED, _R.SUCCEEDED}),
    _R.REJECTED: frozenset({_R.REQUESTED}),
    _R.SUCCEEDED: frozenset(),
}
