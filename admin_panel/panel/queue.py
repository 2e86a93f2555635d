"""One page with all that waits for an operator."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from admin_panel.panel.labels import ORDER_LABELS, PAYMENT_LABELS, REFUND_LABELS
from admin_panel.panel.money import money_text, payout_text
from admin_panel.panel.people import attach_people
from admin_panel.panel.posted import QUEUE
from admin_panel.panel.work import buttons
from admin_panel.queue import Section, waiting_orders, waiting_payments, waiting_refunds
from admin_panel.services.permissions import REASON_LENGTH
from web.models import Order, Payment, Refund

# By section: its title, what it takes to see it, and how it is read.
SECTIONS = (
    ("Orders to pay out", "web.view_order", waiting_orders),
    ("Transfers to confirm", "web.view_payment", waiting_payments),
    ("Refunds to decide on, and to send", "web.view_refund", waiting_refunds),
)
LABELS: dict[str, dict[str, str]] = {"orders": ORDER_LABELS, "payments": PAYMENT_LABELS, "refunds": REFUND_LABELS}


def may_see_queue(user: Any) -> bool:
    return any(user.has_perm(permission) for _, permission, _ in SECTIONS)


def queue_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """What the operator may see of it; one statement a section, and one for the clients' addresses."""
    if not may_see_queue(request.user):
        raise PermissionDenied
    sections = [(title, read()) for title, permission, read in SECTIONS if request.user.has_perm(permission)]
    attach_people(request, [row for _, section in sections for row in section.rows], "user_id")
    shown = [(title, section, [_line(request, section, row) for row in section.rows]) for title, section in sections]
    return TemplateResponse(
        request,
        "admin_panel/queue.html",
        {**context, "title": "Queue", "sections": shown, "reason_length": REASON_LENGTH, "back": QUEUE},
    )


def _line(request: HttpRequest, section: Section, row: Order | Payment | Refund) -> dict[str, Any]:
    meta = row._meta
    order = row if isinstance(row, Order) else row.order
    return {
        "row": row,
        "address": reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk]),
        "amount": money_text(row.amount, order.from_currency),
        "what": _what(row),
        "label": LABELS[section.name].get(row.status, ""),
        "waits": timezone.now() - row.waiting_since,  # type: ignore[union-attr]
        "buttons": buttons(request, row, queue=True),
    }


def _what(row: Order | Payment | Refund) -> str:
    """What is to be done, or was said of it."""
    match row:
        case Payment():
            return row.reference or row.payment_method
        case Refund():
            return row.reason
    return f"→ {payout_text(row)}"
