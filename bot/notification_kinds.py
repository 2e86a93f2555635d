"""The kinds of notifications that people may switch off, and what they are told all the same."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Named as the columns of ``notification_preferences``."""

    ORDERS = "orders"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    ALERTS = "alerts"
    BROADCASTS = "broadcasts"


KIND_OF: Final[Mapping[str, Kind]] = {
    "order": Kind.ORDERS,
    "payment": Kind.PAYMENTS,
    "refund": Kind.REFUNDS,
    "rate": Kind.ALERTS,
}
"""By what stands before the point of a notification's type. A broadcast's are of BROADCASTS, whatever their type; any
other, such as an operator's own words to one person, are of no kind and always sent."""

ALWAYS: Final = ("order.failed", "payment.held", "refund.failed")
"""Types by which a person learns that their money is held up."""
