"""Orders, payments, the ledger and events: read from the web application's database."""

from typing import ClassVar

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesRadioFilter

from admin_panel.panel.base import PanelAdmin, PanelInline
from admin_panel.panel.columns import column
from admin_panel.panel.filters import CurrencyFilter, ExactFilter, PeriodFilter
from admin_panel.panel.money import amount_text, money_text
from admin_panel.panel.people import person_column
from web.models import AnalyticsEvent, Order, OrderStatus, Payment, PaymentStatus, Transaction

ORDER_LABELS: dict[str, str] = {
    OrderStatus.PENDING: "info",
    OrderStatus.PAID: "warning",
    OrderStatus.PROCESSING: "primary",
    OrderStatus.COMPLETED: "success",
    OrderStatus.FAILED: "danger",
    OrderStatus.REFUNDED: "danger",
}
PAYMENT_LABELS: dict[str, str] = {
    PaymentStatus.PENDING: "info",
    PaymentStatus.SUCCEEDED: "success",
    PaymentStatus.FAILED: "danger",
    PaymentStatus.REFUNDED: "danger",
}


class OfOrder:
    """Columns of rows that belong to an order."""

    @column("Amount")
    def money(self, row: Payment | Transaction) -> str:
        currency = row.currency if isinstance(row, Transaction) else row.order.from_currency
        return money_text(row.amount, currency)

    @column("Status", labels=PAYMENT_LABELS)
    def state(self, payment: Payment) -> str:
        return payment.status


class PaymentInline(OfOrder, PanelInline):
    model = Payment
    select_related = ("order",)
    fields = ("created_at", "payment_method", "money", "status")
    ordering = ("-created_at", "-id")


class TransactionInline(OfOrder, PanelInline):
    model = Transaction
    fields = ("created_at", "account", "money", "description")
    ordering = ("-created_at", "-id")
    verbose_name_plural = "Ledger"


@admin.register(Order)
class OrderAdmin(PanelAdmin):
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
    inlines: ClassVar = [PaymentInline, TransactionInline]

    client = person_column("Client")

    @column("Gives")
    def given(self, order: Order) -> str:
        return money_text(order.amount, order.from_currency)

    @column("Receives")
    def received(self, order: Order) -> str:
        return money_text(order.amount * order.exchange_rate, order.to_currency)

    @column("Rate")
    def rate(self, order: Order) -> str:
        return amount_text(order.exchange_rate)

    @column("Status", labels=ORDER_LABELS)
    def state(self, order: Order) -> str:
        return order.status


@admin.register(Payment)
class PaymentAdmin(OfOrder, PanelAdmin):
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


@admin.register(Transaction)
class TransactionAdmin(OfOrder, PanelAdmin):
    list_display = ("created_at", "account", "money", "order", "description")
    list_select_related = ("order",)
    list_filter = (
        ("account", ChoicesRadioFilter),
        ("created_at", PeriodFilter),
        ("currency", CurrencyFilter),
    )
    search_fields = ("id", "order")
    search_help_text = "Entry or order id"
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
