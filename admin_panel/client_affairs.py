"""What a client has going on, from every database, for the operator who has them on the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from bot.models import Conversation, Notification
from exchanger.kernel.contexts import Context, require
from web.balances import balances, entries_of
from web.models import Account, Order, Payment, PaymentStatus, Refund, RefundStatus

LATEST = 20
"""Rows of a block; its list has the others."""
REFUNDS_OPEN = (RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.FAILED)


@dataclass(frozen=True, slots=True)
class ClientBalance:
    """What the ledger says of one currency: what is held for the client, and what their own pocket has gained."""

    currency: str
    held: Decimal
    gained: Decimal


class ClientAffairs:
    """One person's, newest first; each method is one statement, ``orders`` two.

    Raises:
        ForeignContext, NoContext: made outside an admin process.
    """

    def __init__(self, user_id: UUID) -> None:
        require(Context.ADMIN)
        self._user_id = user_id

    def orders(self) -> Sequence[Order]:
        """The latest, with the quotes that they took."""
        found = Order.objects.filter(user_id=self._user_id).prefetch_related("quotes")
        return list(found.order_by("-created_at", "-id")[:LATEST])

    def balances(self) -> list[ClientBalance]:
        """By currency, as the client's own API tells it."""
        sums: dict[str, dict[Account, Decimal]] = {}
        for balance in balances(entries_of(self._user_id)):
            sums.setdefault(balance.currency, {})[balance.account] = balance.amount
        nothing = Decimal(0)
        return [
            ClientBalance(currency, amounts.get(Account.SUSPENSE, nothing), amounts.get(Account.CLIENT, nothing))
            for currency, amounts in sums.items()
        ]

    def payments_under_way(self) -> Sequence[Payment]:
        """Begun, and not known to have come or failed."""
        pending = Payment.objects.filter(user_id=self._user_id, status=PaymentStatus.PENDING).select_related("order")
        return list(pending.order_by("-created_at", "-id")[:LATEST])

    def refunds_under_way(self) -> Sequence[Refund]:
        """To be decided on, to be sent, or failed."""
        due = Refund.objects.filter(order__user_id=self._user_id, status__in=REFUNDS_OPEN).select_related("order")
        return list(due.order_by("-created_at", "-id")[:LATEST])

    def notifications(self) -> Sequence[Notification]:
        return list(Notification.objects.filter(user_id=self._user_id).order_by("-created_at", "-id")[:LATEST])

    def conversation(self, telegram_user_id: int) -> Conversation | None:
        """The chat with the account that the client has linked."""
        return Conversation.objects.filter(telegram_user_id=telegram_user_id).first()
