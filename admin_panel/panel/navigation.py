"""The sidebar: every page that the operator may see, and no other."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from admin_panel.models import AdminSetting, AuditLog, Configuration, Report, SystemMetric
from admin_panel.panel.queue import may_see_queue
from bot.models import BotReply, BotState, BotUpdate, Broadcast, Conversation, Notification, UserCommand
from identity.models import User, UserPermission, UserProfile
from web.models import AnalyticsEvent, ExchangeRate, HeldRate, Order, Payment, Refund, Transaction


@dataclass(frozen=True, slots=True)
class Page:
    """A list of a model's rows; ``icon`` is a Material Symbols name."""

    title: str
    icon: str
    model: type[Model]

    def item(self) -> dict[str, Any]:
        meta = self.model._meta
        return {
            "title": self.title,
            "icon": self.icon,
            "link": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        }

    def visible_to(self, user: Any) -> bool:
        meta = self.model._meta
        return bool(user.has_perm(f"{meta.app_label}.view_{meta.model_name}"))


GROUPS = {
    "Exchange": (
        Page("Orders", "receipt_long", Order),
        Page("Payments", "payments", Payment),
        Page("Refunds", "undo", Refund),
        Page("Exchange rates", "currency_exchange", ExchangeRate),
        Page("Held rates", "pending_actions", HeldRate),
        Page("Ledger", "account_balance", Transaction),
        Page("Events", "timeline", AnalyticsEvent),
    ),
    "Clients": (
        Page("People", "group", User),
        Page("Profiles", "badge", UserProfile),
        Page("Permissions", "key", UserPermission),
    ),
    "Bot": (
        Page("Conversations", "forum", Conversation),
        Page("Notifications", "notifications", Notification),
        Page("Broadcasts", "campaign", Broadcast),
        Page("Commands", "terminal", UserCommand),
        Page("Updates", "sync_problem", BotUpdate),
        Page("Replies", "sms_failed", BotReply),
        Page("State", "smart_toy", BotState),
    ),
    "System": (
        Page("Audit trail", "policy", AuditLog),
        Page("Reports", "lab_profile", Report),
        Page("Metrics", "monitoring", SystemMetric),
        Page("Configurations", "tune", Configuration),
        Page("Settings", "settings", AdminSetting),
    ),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar, as unfold takes them."""
    first = [{"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}]
    if may_see_queue(request.user):
        first.append({"title": "Queue", "icon": "checklist", "link": reverse("admin:queue")})
    groups: list[dict[str, Any]] = [{"items": first}]
    for title, pages in GROUPS.items():
        items = [page.item() for page in pages if page.visible_to(request.user)]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups
