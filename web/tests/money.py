"""What has become of an order's money, as tests ask it."""

from collections import Counter

from web.models import AnalyticsEvent, EventDelivery, Order, Payment, Refund, Transaction
from web.verification import ledger_verify


def verified():
    """The whole ledger agrees with the orders, payments and refunds; raises Discrepancy."""
    for _ in ledger_verify():
        pass


def order_status(order):
    return Order.objects.get(pk=order.pk).status


def payments(order):
    """Status and amount of each payment, the oldest first."""
    return [(p.status, p.amount) for p in Payment.objects.filter(order=order).order_by("created_at")]


def refunds(order):
    return [(r.kind, r.status, r.amount) for r in Refund.objects.filter(order=order).order_by("created_at")]


def sums(order):
    """What each account has of the order in the currency that was given, where that is not zero."""
    found = Counter()
    for entry in Transaction.objects.filter(order=order, currency=order.from_currency):
        found[entry.account] += entry.amount
    return {account: amount for account, amount in found.items() if amount}


def events(order):
    """The types of what was announced, in order."""
    told = EventDelivery.objects.filter(order_id=order.pk).order_by("sequence")
    return [delivery.event.event_type for delivery in told.select_related("event")]


def told(order, event_type):
    """The data of an order's one event of a type."""
    return AnalyticsEvent.objects.get(event_type=event_type, event_data__order_id=str(order.pk)).event_data


def everything():
    """All that a refusal must leave as it was."""
    tables = (Order, Payment, Refund, Transaction, AnalyticsEvent, EventDelivery)
    return [list(table.objects.order_by("pk").values()) for table in tables]
