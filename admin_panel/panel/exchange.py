"""Orders, payments, the ledger and events: read from the web application's database."""

from typing import ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesRadioFilter

from admin_panel.panel.base import PanelAdmin, PanelInline
from admin_panel.panel.columns import column
from admin_panel.panel.filters import CurrencyFilter, ExactFilter, PeriodFilter
from admin_panel.panel.labels import ORDER_LABELS, PAYMENT_LABELS, REFUND_LABELS
from admin_panel.panel.money import amount_text, money_text, payout_text
from admin_panel.panel.people import find_emails, person_column
from admin_panel.panel.work import ACTIONS, WorkPages
from web.models import AnalyticsEvent, Order, Payment, Refund, Transaction


class OfOrder:
    """Columns of rows that belong to an order."""

    @column("Amount")
    def money(self, row: Payment | Refund | Transaction) -> str:
        currency = row.currency if isinstance(row, Transaction) else row.order.from_currency
        return money_text(row.amount, currency)


class PaymentInline(OfOrder, PanelInline):
    model = Payment
    select_related = ("order",)
    fields = ("created_at", "payment_method", "money", "status")
    ordering = ("-created_at", "-id")


class RefundInline(OfOrder, PanelInline):
    model = Refund
    select_related = ("order",)
    fields = ("created_at", "kind", "money", "status", "reason")
    ordering = ("-created_at", "-id")


class TransactionInline(OfOrder, PanelInline):
    model = Transaction
    fields = ("created_at", "account", "money", "description")
    ordering = ("-created_at", "-id")
    verbose_name_plural = "Ledger"


@admin.register(Order)
class OrderAdmin(WorkPages, PanelAdmin):
    row_actions = ACTIONS[Order]
    person_field = "user_id"
    list_display = ("created_at", "client", "given", "received", "rate", "state")
    list_filter = (
        ("status", ChoicesRadioFilter),
        ("created_at", PeriodFilter),
        ("from_currency", CurrencyFilter),
        ("to_currency", CurrencyFilter),
    )
    search_fields = ("id", "user_id")
    search_help_text = "Order id, client's id or e-mail"
    ordering = ("-created_at", "-id")
    fields = ("id", "client", "given", "received", "rate", "status", "created_at", "updated_at")
    inlines: ClassVar = [PaymentInline, RefundInline, TransactionInline]

    client = person_column("Client")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        found: QuerySet[Order] = super().get_queryset(request)
        return found.prefetch_related("quotes")

    @column("Gives")
    def given(self, order: Order) -> str:
        return money_text(order.amount, order.from_currency)

    @column("Receives")
    def received(self, order: Order) -> str:
        return payout_text(order)

    @column("Rate")
    def rate(self, order: Order) -> str:
        return amount_text(order.exchange_rate)

    @column("Status", labels=ORDER_LABELS)
    def state(self, order: Order) -> str:
        return order.status


@admin.register(Payment)
class PaymentAdmin(WorkPages, OfOrder, PanelAdmin):
    row_actions = ACTIONS[Payment]
    person_field = "user_id"
    list_display = ("created_at", "client", "money", "payment_method", "state", "order")
    list_select_related = ("order",)
    list_filter = (
        ("status", ChoicesRadioFilter),
        ("created_at", PeriodFilter),
        ("payment_method", ExactFilter),
    )
    search_fields = ("id", "order", "user_id")
    search_help_text = "Payment, order or client's id, or e-mail"
    ordering = ("-created_at", "-id")
    fields = ("id", "order", "client", "money", "payment_method", "status", "created_at")

    client = person_column("Client")

    @column("Status", labels=PAYMENT_LABELS)
    def state(self, payment: Payment) -> str:
        return payment.status


@admin.register(Refund)
class RefundAdmin(WorkPages, OfOrder, PanelAdmin):
    row_actions = ACTIONS[Refund]
    person_field = "client_id"
    list_display = ("created_at", "client", "money", "kind", "is_large", "state", "reason")
    list_select_related = ("order", "payment")
    list_filter = (("status", ChoicesRadioFilter), ("created_at", PeriodFilter))
    search_fields = ("id", "order", "payment")
    search_help_text = "Refund, order or payment id"
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "order",
        "payment",
        "client",
        "kind",
        "money",
        "is_large",
        "status",
        "reason",
        "requester",
        "approver",
        "reference",
        "created_at",
        "updated_at",
    )

    client = person_column("Client")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        found: QuerySet[Refund] = super().get_queryset(request)
        return found.select_related("order", "payment").annotate(client_id=F("order__user_id"))

    @column("Large", boolean=True)
    def is_large(self, refund: Refund) -> bool:
        return refund.large

    @column("Status", labels=REFUND_LABELS)
    def state(self, refund: Refund) -> str:
        return refund.status

    @column("Requested by")
    def requester(self, refund: Refund) -> str:
        return _operator(refund.requested_by)

    @column("Approved by")
    def approver(self, refund: Refund) -> str:
        return _operator(refund.approved_by)


def _operator(person_id: UUID | None) -> str:
    if person_id is None:
        return "the platform"
    return find_emails([person_id]).get(person_id, f"nobody any more ({person_id})")


@admin.register(Transaction)
class TransactionAdmin(OfOrder, PanelAdmin):
    list_display = ("created_at", "account", "money", "order", "description")
    list_select_related = ("order",)
    list_filter = (
        ("account", ChoicesRadioFilter),
        ("created_at", PeriodFilter),
        ("currency", CurrencyFilter),
    )
    search_fields = ("id", "order", "user_id")
    search_help_text = "Entry, order or client's id"
    ordering = ("-created_at", "-id")
    fields = ("id", "order", "account", "money", "description", "created_at")


@admin.register(AnalyticsEvent)
class AnalyticsEventAdmin(PanelAdmin):
    person_field = "user_id"
    list_display = ("created_at", "event_type", "client")
    list_filter = (("event_type", ExactFilter), ("created_at", PeriodFilter))
    ordering = ("-created_at", "-id")
    fields = ("id", "event_type", "client", "event_data", "created_at")

    client = person_column("Client")
