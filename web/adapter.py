"""Every read of the web database that the web application makes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from exchanger.kernel.contexts import Context, require
from exchanger.kernel.money.pairs import Pair
from web.balances import Balance, balances, entries_of
from web.models import (
    EventDelivery,
    ExchangeRate,
    Order,
    Payment,
    PaymentStatus,
    Quote,
    Refund,
    RefundStatus,
    Transaction,
)
from web.models.delivery import Backlog

STRANDED_SECONDS = 300
ASK_AFTER = timedelta(minutes=1)
"""How long a processor's own call is waited for before the processor is asked."""
ASK_AT_ONCE = 100
_STRANDED = """
SELECT DISTINCT d.order_id FROM event_deliveries d
WHERE d.delivered_at IS NULL AND d.created_at < now() - make_interval(secs => %s) AND NOT EXISTS (
    SELECT FROM procrastinate_jobs j WHERE j.lock = 'events.' || d.order_id AND j.status IN ('todo', 'doing')
)
"""


class WebAdapter:
    """The source document's adapter of the web application; a process of another context cannot make one."""

    context = Context.WEB

    def __init__(self) -> None:
        require(self.context)

    def find_user_orders(self, user_id: UUID) -> QuerySet[Order]:
        """A person's own orders, and nobody else's, with the quotes that they took."""
        return Order.objects.filter(user_id=user_id).prefetch_related("quotes")

    def find_order(self, order_id: UUID) -> Order | None:
        """An order, whosever it is, with the quote that it took."""
        return Order.objects.filter(pk=order_id).prefetch_related("quotes").first()

    def find_user_quotes(self, user_id: UUID) -> QuerySet[Quote]:
        """A person's own quotes, and nobody else's."""
        return Quote.objects.filter(user_id=user_id)

    def find_user_payments(self, user_id: UUID) -> QuerySet[Payment]:
        """A person's own payments with their orders and refunds, and nobody else's."""
        return Payment.objects.filter(user_id=user_id).select_related("order").prefetch_related("refunds")

    def find_payments_to_ask(self, methods: Iterable[str], within: timedelta) -> QuerySet[Payment]:
        """Payments by ``methods`` that a processor may know more of: the pending, and the declined ``within`` a time.

        Those that were asked about longest ago come first.
        """
        open_ = Q(status=PaymentStatus.PENDING) | Q(status=PaymentStatus.FAILED, created_at__gt=Now() - within)
        waiting = Payment.objects.filter(open_, payment_method__in=methods, created_at__lt=Now() - ASK_AFTER)
        return waiting.order_by("updated_at", "pk")[:ASK_AT_ONCE]

    def find_payments_to_give_up(self, methods: Iterable[str], after: timedelta) -> QuerySet[Payment]:
        """Pending payments by any other method that began longer ago than ``after``."""
        pending = Payment.objects.filter(status=PaymentStatus.PENDING, created_at__lt=Now() - after)
        return pending.exclude(payment_method__in=methods).order_by("created_at", "pk")[:ASK_AT_ONCE]

    def find_refunds_to_send(self, methods: Iterable[str]) -> QuerySet[Refund]:
        """Approved refunds of payments by ``methods``, the oldest first."""
        approved = Refund.objects.filter(status=RefundStatus.APPROVED, payment__payment_method__in=methods)
        return approved.order_by("created_at", "pk")

    def find_current_rates(self) -> QuerySet[ExchangeRate]:
        """The stored rates that are in force now."""
        return ExchangeRate.objects.filter(not_over(), valid_from__lte=Now())

    def find_rates_ahead(self, pairs: Iterable[Pair]) -> QuerySet[ExchangeRate]:
        """The stored rates of ``pairs`` in force now or later, the earlier first; ``asked_at`` is when that was."""
        return ExchangeRate.objects.filter(not_over(), of_pairs(pairs)).annotate(asked_at=Now()).order_by("valid_from")

    def find_rates_between(self, pairs: Iterable[Pair], first: datetime, last: datetime) -> QuerySet[ExchangeRate]:
        """The stored rates of ``pairs`` that were in force at some time from ``first`` until ``last``."""
        begun = Q(valid_until__isnull=True) | Q(valid_until__gt=first)
        return ExchangeRate.objects.filter(begun, of_pairs(pairs), valid_from__lt=last).order_by("valid_from")

    def find_user_transactions(self, user_id: UUID) -> QuerySet[Transaction]:
        """The ledger entries that concern a person's own money: what came or went, and what is held for them."""
        return entries_of(user_id)

    def find_user_balances(self, user_id: UUID) -> list[Balance]:
        """What ``find_user_transactions`` comes to, by currency and account."""
        return balances(entries_of(user_id))

    def find_account_balances(self) -> list[Balance]:
        """The sums of all entries: what the house and its fees have gained, and what is held for clients."""
        return balances(Transaction.objects.all())

    def find_next_delivery(self, order_id: UUID) -> EventDelivery | None:
        """The oldest event of an order that the telegram process has not accepted, with its event."""
        waiting = EventDelivery.objects.waiting().filter(order_id=order_id).select_related("event")
        return waiting.order_by("sequence").first()

    def find_event_backlog(self) -> Backlog:
        """How many events wait for the telegram process, and since when."""
        return EventDelivery.objects.backlog()

    def find_stranded_orders(self) -> list[UUID]:
        """Orders with events that wait and have no job, which failed for good, or was cancelled by somebody."""
        with connections["web"].cursor() as cursor:
            cursor.execute(_STRANDED, [STRANDED_SECONDS])
            return [order_id for (order_id,) in cursor.fetchall()]


def not_over() -> Q:
    """In force now or later. Now is the statement's start, as PostgreSQL's clock has it."""
    return Q(valid_until__isnull=True) | Q(valid_until__gt=Now())


def of_pairs(pairs: Iterable[Pair]) -> Q:
    found = Q(pk__in=())
    for pair in pairs:
        found |= Q(from_currency=pair.source, to_currency=pair.target)
    return found
