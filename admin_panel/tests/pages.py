"""Every page of the panel, and how a row for it is made."""

import uuid
from collections.abc import Callable

from django.contrib.admin.utils import quote
from django.db import transaction
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from admin_panel.models import AdminSetting, AuditLog, Configuration, Report, SystemMetric
from admin_panel.tests.factories import (
    AdminSettingFactory,
    AuditLogFactory,
    ConfigurationFactory,
    ReportFactory,
    SystemMetricFactory,
)
from bot.models import BotReply, BotState, BotUpdate, Broadcast, Conversation, Message, Notification, UserCommand
from bot.tests.factories import (
    BotReplyFactory,
    BotStateFactory,
    BotUpdateFactory,
    BroadcastFactory,
    ConversationFactory,
    MessageFactory,
    NotificationFactory,
    UserCommandFactory,
)
from exchanger.testing import factories
from identity.models import User, UserPermission, UserProfile
from identity.tests.factories import UserFactory, UserPermissionFactory
from web.models import AnalyticsEvent, ExchangeRate, HeldRate, Order, Payment, Refund, Transaction
from web.tests.factories import (
    AnalyticsEventFactory,
    ExchangeRateFactory,
    HeldRateFactory,
    OrderFactory,
    PaymentFactory,
    RefundFactory,
    TransactionFactory,
)


def person() -> uuid.UUID:
    return UserFactory().pk


def ledger_entry() -> Transaction:
    """One of the two entries that it takes to balance."""
    order = OrderFactory()
    with factories.as_owner(), transaction.atomic(using="web"):
        TransactionFactory(order=order, account="house", amount=-100)
        return TransactionFactory(order=order)


def rate() -> ExchangeRate:
    return ExchangeRateFactory(from_currency=f"C{uuid.uuid4().hex[:6].upper()}")


def held_rate() -> HeldRate:
    return HeldRateFactory(from_currency=f"C{uuid.uuid4().hex[:6].upper()}")


ROWS: dict[type[Model], Callable[[], Model]] = {
    Order: lambda: OrderFactory(user_id=person()),
    Payment: lambda: PaymentFactory(user_id=person()),
    Refund: lambda: RefundFactory(payment__order__user_id=person()),
    ExchangeRate: rate,
    HeldRate: held_rate,
    Transaction: ledger_entry,
    AnalyticsEvent: lambda: AnalyticsEventFactory(user_id=person(), event_data={"source": "test"}),
    User: UserFactory,
    UserProfile: lambda: UserFactory().profile,
    UserPermission: UserPermissionFactory,
    Conversation: lambda: ConversationFactory(user_id=person(), context={"from": "USD"}),
    Message: MessageFactory,
    Notification: lambda: NotificationFactory(user_id=person()),
    Broadcast: lambda: BroadcastFactory(created_by=person()),
    UserCommand: UserCommandFactory,
    BotState: BotStateFactory,
    BotUpdate: lambda: BotUpdateFactory(dead_at=timezone.now()),
    BotReply: lambda: BotReplyFactory(dead_at=timezone.now()),
    AuditLog: lambda: AuditLogFactory(admin_id=person()),
    Report: lambda: ReportFactory(generated_by=person()),
    SystemMetric: SystemMetricFactory,
    Configuration: lambda: ConfigurationFactory(created_by=person()),
    AdminSetting: lambda: AdminSettingFactory(updated_by=person()),
}
MODELS = list(ROWS)
# Whose list shows a person that another database holds.
WITH_PERSON = {
    Order,
    Payment,
    Refund,
    AnalyticsEvent,
    Conversation,
    Notification,
    Broadcast,
    AuditLog,
    Report,
    Configuration,
    AdminSetting,
}

# Whose list is a page of its own, which shows what has no row too; tried by tests of its own.
WITH_OWN_LIST = {AdminSetting}
# Whose page is a form, likewise.
WITH_OWN_PAGE = {AdminSetting}
# Whose list has a form of its own to add to it, tried by tests of its own.
WITH_FORM = {ExchangeRate, Configuration, Report, Notification, Broadcast}


def name_of(model: type[Model]) -> str:
    return model.__name__


def list_address(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def address(action: str, row: Model) -> str:
    """The address of a row's page: ``change``, ``history`` or ``delete``."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{action}", args=[page_id(row)])


def page_id(row: Model) -> str:
    """What a row's pages know it by."""
    return quote(row.key) if isinstance(row, AdminSetting) else str(row.pk)


def view_permission(model: type[Model]) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"
