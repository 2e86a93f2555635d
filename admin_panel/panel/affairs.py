"""The blocks of a client's orders, money and messages on their page, each for who may see its rows."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from admin_panel.client_affairs import ClientAffairs
from admin_panel.panel.columns import preview_text
from admin_panel.panel.labels import ORDER_LABELS, PAYMENT_LABELS, REFUND_LABELS
from admin_panel.panel.money import amount_text, money_text, payout_text
from admin_panel.panel.notifications import write_address
from bot.models import Notification
from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter
from identity.models import User
from web.models import Order, Payment, Refund, Transaction

MAY_SEE_PROFILE = "identity.view_userprofile"


class AffairsBlocks:
    """For the ModelAdmin of people."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= _affairs(request, obj)
        page: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, *args, obj=obj, **options
        )
        return page


def _affairs(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the template shows to this operator; what they may not see is not asked for."""
    affairs = ClientAffairs(user.pk)
    shown: dict[str, Any] = {}
    sees = request.user.has_perm
    if sees("web.view_order"):
        shown["orders"] = [
            (order, _address(order), money_text(order.amount, order.from_currency), payout_text(order),
             ORDER_LABELS.get(order.status))
            for order in affairs.orders()
        ]  # fmt: skip
        shown["all_orders"] = _list(Order, user)
    if sees("web.view_transaction"):
        shown["balances"] = [
            (balance.currency, amount_text(balance.held), amount_text(balance.gained)) for balance in affairs.balances()
        ]
        shown["all_entries"] = _list(Transaction, user)
    if sees("web.view_payment"):
        shown["payments"] = [_of_order(row, PAYMENT_LABELS, row.payment_method) for row in affairs.payments_under_way()]
        shown["all_payments"] = _list(Payment, user)
    if sees("web.view_refund"):
        shown["refunds"] = [_of_order(row, REFUND_LABELS, row.reason) for row in affairs.refunds_under_way()]
    if telegram := _telegram(request, affairs, user):
        shown["telegram"] = telegram
    if sees("bot.view_notification"):
        shown["notifications"] = [(row, _address(row), preview_text(row.message)) for row in affairs.notifications()]
        shown["all_notifications"] = _list(Notification, user)
    return shown


def _telegram(request: HttpRequest, affairs: ClientAffairs, user: User) -> dict[str, Any]:
    """The account and its conversation for who may see them, and where to write for who may write; or nothing."""
    write = write_address(request, user.pk)
    if not request.user.has_perm(MAY_SEE_PROFILE):
        return {"write_address": write} if write else {}
    account = IdentityAdapter(Context.ADMIN).find_telegram_account(user.pk)
    if account is None:
        return {"not_linked": True}
    conversation = affairs.conversation(account) if request.user.has_perm("bot.view_conversation") else None
    return {
        "account": account,
        "conversation": conversation,
        "address": None if conversation is None else _address(conversation),
        "write_address": write,
    }


def _of_order(row: Payment | Refund, labels: dict[str, str], what: str) -> tuple[Any, ...]:
    return row, _address(row), money_text(row.amount, row.order.from_currency), what, labels.get(row.status)


def _address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _list(model: type[Model], user: User) -> str:
    """The list of the model's rows, narrowed to the person's."""
    meta = model._meta
    return f"{reverse(f'admin:{meta.app_label}_{meta.model_name}_changelist')}?{urlencode({'q': user.pk})}"
