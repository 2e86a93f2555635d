"""The buttons on orders, payments and refunds, in the queue and on their own pages: what each row can be told to do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from admin_panel.panel.money import money_text
from admin_panel.panel.row_actions import Field, RowAction, RowActionPages, WrongField, in_status, shown_buttons
from admin_panel.services import orders as services
from web.models import Order, OrderStatus, Payment, PaymentStatus, Refund, RefundStatus
from web.payments.registry import PROCESSORS

MOMENT = "%Y-%m-%dT%H:%M:%S"  # what a browser's datetime-local takes; ours is UTC


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.strip().replace(" ", ""))
    except InvalidOperation:
        raise WrongField("Write the amount in digits with a point, such as 100.50.") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongField("Write when the money came, in UTC: 2026-05-31T14:30:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _reference(text: str) -> str:
    if not text.strip() or len(text) > 100:
        raise WrongField("Write the bank's name of the transfer, in at most 100 characters.")
    return text.strip()


def _to_confirm(payment: Payment) -> bool:
    """Money that comes after we have given it up is booked as well."""
    open_ones = (PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.CANCELLED)
    return payment.payment_method not in PROCESSORS and payment.status in open_ones


def _to_transfer(refund: Refund) -> bool:
    """What no processor sends, and what it has refused to send."""
    by_processor = refund.payment.payment_method in PROCESSORS
    return refund.status == (RefundStatus.FAILED if by_processor else RefundStatus.APPROVED)


RECEIVED = (
    Field("amount", "text", "Amount that came", lambda row: f"{row.amount.normalize():f}", _amount),
    Field("received_at", "datetime-local", "When (UTC)", lambda _: timezone.now().strftime(MOMENT), _moment),
)
SENT = (Field("reference", "text", "Bank's reference", lambda _: "", _reference),)

ACTIONS: Mapping[type[Model], tuple[RowAction, ...]] = {
    Order: (
        RowAction(
            "process", "Begin payout", services.MAY_WORK, services.operator_order_process, in_status(OrderStatus.PAID)
        ),
        RowAction(
            "complete",
            "Paid out",
            services.MAY_WORK,
            services.operator_order_complete,
            in_status(OrderStatus.PROCESSING),
        ),
        RowAction(
            "fail",
            "Payout failed",
            services.MAY_WORK,
            services.operator_order_fail,
            in_status(OrderStatus.PROCESSING),
            danger=True,
        ),
        RowAction(
            "cancel",
            "Cancel",
            services.MAY_WORK,
            services.operator_order_cancel,
            in_status(OrderStatus.PENDING, OrderStatus.PAID),
            danger=True,
        ),
        RowAction(
            "record",
            "Another transfer came",
            services.MAY_CONFIRM,
            services.operator_payment_record,
            lambda order: True,
            fields=(*RECEIVED, *SENT),
            in_queue=False,
        ),
    ),
    Payment: (
        RowAction(
            "confirm",
            "Money came",
            services.MAY_CONFIRM,
            services.operator_payment_confirm,
            _to_confirm,
            fields=RECEIVED,
        ),
    ),
    Refund: (
        RowAction(
            "approve",
            "Approve",
            services.MAY_REFUND,
            services.operator_refund_approve,
            in_status(RefundStatus.REQUESTED, RefundStatus.FAILED),
            step_up=True,
        ),
        RowAction(
            "reject",
            "Reject",
            services.MAY_REFUND,
            services.operator_refund_reject,
            in_status(RefundStatus.REQUESTED),
            danger=True,
        ),
        RowAction(
            "reopen",
            "Ask again",
            services.MAY_REFUND,
            services.operator_refund_reopen,
            in_status(RefundStatus.REJECTED),
        ),
        RowAction(
            "confirm",
            "Sent",
            services.MAY_REFUND,
            services.operator_refund_confirm,
            _to_transfer,
            fields=SENT,
            step_up=True,
        ),
    ),
}


def buttons(request: HttpRequest, row: Model, *, queue: bool = False) -> list[dict[str, Any]]:
    """What the operator may tell the row to do as it is; in the ``queue`` less."""
    return shown_buttons(request, row, [action for action in ACTIONS[type(row)] if action.in_queue or not queue])


class WorkPages(RowActionPages):
    """For the ModelAdmins of ACTIONS."""

    def told(self, action: RowAction, changed: Any) -> str:
        return f"{told(changed)} is {changed.status} now."


def told(row: Any) -> str:
    """A row in a sentence."""
    currency = row.from_currency if isinstance(row, Order) else row.order.from_currency
    return f"{type(row).__name__} of {money_text(row.amount, currency)}"
