"""The buttons on orders, payments and refunds, in the queue and on their own pages: what each row can be told to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from admin_panel.panel.money import money_text
from admin_panel.panel.posted import PostedActions, back_from, reason_of
from admin_panel.services import orders as services
from admin_panel.services.actors import actor_of
from admin_panel.services.permissions import REASON_LENGTH
from exchanger.kernel.refusals import Refused
from web.models import Order, OrderStatus, Payment, PaymentStatus, Refund, RefundStatus
from web.payments.registry import PROCESSORS

MOMENT = "%Y-%m-%dT%H:%M:%S"  # what a browser's datetime-local takes; ours is UTC


class WrongField(Refused):
    """A field of a button's form does not hold what it should."""

    def __init__(self, message: str) -> None:
        super().__init__("wrong_field", message)


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a button's form beside the reason; ``parse`` raises WrongField."""

    name: str
    kind: str
    label: str
    initial: Callable[[Any], str]
    parse: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class RowAction:
    """What a button does: ``service`` is given the row as ``subject``, the fields and the reason."""

    verb: str
    label: str
    permission: str
    service: Callable[..., Model]
    applies: Callable[[Any], bool]
    fields: tuple[Field, ...] = ()
    danger: bool = False
    in_queue: bool = True
    step_up: bool = False  # it takes a fresh code of the second factor


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.strip().replace(" ", ""))
    except InvalidOperation:
        raise WrongField("Write the amount in digits with a point, such as 100.50.") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        raise WrongField("Write when the money came, in UTC: 2026-05-31T14:30:00.") from None


def _reference(text: str) -> str:
    if not text.strip() or len(text) > 100:
        raise WrongField("Write the bank's name of the transfer, in at most 100 characters.")
    return text.strip()


def _in(*statuses: str) -> Callable[[Any], bool]:
    return lambda row: row.status in statuses


def _to_confirm(payment: Payment) -> bool:
    """Money that comes after we have given it up is booked as well."""
    open_ones = (PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.CANCELLED)
    return payment.payment_method not in PROCESSORS and payment.status in open_ones


def _to_transfer(refund: Refund) -> bool:
    return refund.status == RefundStatus.APPROVED and refund.payment.payment_method not in PROCESSORS


RECEIVED = (
    Field("amount", "text", "Amount that came", lambda row: f"{row.amount.normalize():f}", _amount),
    Field("received_at", "datetime-local", "When (UTC)", lambda _: timezone.now().strftime(MOMENT), _moment),
)
SENT = (Field("reference", "text", "Bank's reference", lambda _: "", _reference),)

ACTIONS: Mapping[type[Model], tuple[RowAction, ...]] = {
    Order: (
        RowAction("process", "Begin payout", services.MAY_WORK, services.operator_order_process, _in(OrderStatus.PAID)),
        RowAction(
            "complete", "Paid out", services.MAY_WORK, services.operator_order_complete, _in(OrderStatus.PROCESSING)
        ),
        RowAction(
            "fail",
            "Payout failed",
            services.MAY_WORK,
            services.operator_order_fail,
            _in(OrderStatus.PROCESSING),
            danger=True,
        ),
        RowAction(
            "cancel",
            "Cancel",
            services.MAY_WORK,
            services.operator_order_cancel,
            _in(OrderStatus.PENDING, OrderStatus.PAID),
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
            _in(RefundStatus.REQUESTED, RefundStatus.FAILED),
            step_up=True,
        ),
        RowAction(
            "reject",
            "Reject",
            services.MAY_REFUND,
            services.operator_refund_reject,
            _in(RefundStatus.REQUESTED),
            danger=True,
        ),
        RowAction(
            "reopen", "Ask again", services.MAY_REFUND, services.operator_refund_reopen, _in(RefundStatus.REJECTED)
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
    """What the operator may tell the row to do as it is, for ``admin_panel/buttons.html``; in the ``queue`` less."""
    meta = row._meta
    return [
        {
            "label": action.label,
            "danger": action.danger,
            "address": reverse(f"admin:{meta.app_label}_{meta.model_name}_{action.verb}", args=[row.pk]),
            "fields": [(field, field.initial(row)) for field in action.fields],
        }
        for action in ACTIONS[type(row)]
        if action.applies(row) and request.user.has_perm(action.permission) and (action.in_queue or not queue)
    ]


class WorkPages(PostedActions):
    """For a ModelAdmin of ACTIONS: an address for each, and their buttons below the form."""

    change_form_outer_after_template = "admin_panel/work.html"

    def get_urls(self) -> list[URLPattern]:
        meta = self.opts  # type: ignore[attr-defined]
        own = [
            path(
                f"<path:object_id>/{action.verb}/",
                self.posted(_posted(action), step_up=action.step_up),
                name=f"{meta.app_label}_{meta.model_name}_{action.verb}",
            )
            for action in ACTIONS[self.model]  # type: ignore[attr-defined]
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= {"buttons": buttons(request, obj), "reason_length": REASON_LENGTH}
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)  # type: ignore[misc]
        return page


def _posted(action: RowAction) -> Callable[[HttpRequest, Any], HttpResponse]:
    def do(request: HttpRequest, row: Any) -> HttpResponse:
        values = {field.name: field.parse(request.POST.get(field.name, "")) for field in action.fields}
        subject = {row._meta.model_name: row}
        changed: Any = action.service(actor=actor_of(request), **subject, **values, reason=reason_of(request))
        messages.success(request, f"{told(changed)} is {changed.status} now.")
        return back_from(request, row)

    return do


def told(row: Any) -> str:
    """A row in a sentence."""
    currency = row.from_currency if isinstance(row, Order) else row.order.from_currency
    return f"{type(row).__name__} of {money_text(row.amount, currency)}"
