"""Every read of the web database that the web application makes."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from exchanger.kernel.contexts import Context, require
from exchanger.kernel.money.pairs import Pair
from web.models import ExchangeRate, Order, Quote


class WebAdapter:
    """The source document's adapter of the web application; a process of another context cannot make one."""

    context = Context.WEB

    def __init__(self) -> None:
        require(self.context)

    def find_user_orders(self, user_id: UUID) -> QuerySet[Order]:
        """A person's own orders, and nobody else's."""
        return Order.objects.filter(user_id=user_id)

    def find_user_quotes(self, user_id: UUID) -> QuerySet[Quote]:
        """A person's own quotes, and nobody else's."""
        return Quote.objects.filter(user_id=user_id)

    def find_current_rates(self) -> QuerySet[ExchangeRate]:
        """The stored rates that are in force now."""
        return ExchangeRate.objects.filter(not_over(), valid_from__lte=Now())

    def find_current_rate(self, from_currency: str, to_currency: str) -> ExchangeRate | None:
        """The pair's stored rate in force now, the latest where there were several."""
        rates = self.find_current_rates().filter(from_currency=from_currency, to_currency=to_currency)
        return rates.order_by("-valid_from").first()

    def find_rates_ahead(self, pairs: Iterable[Pair]) -> QuerySet[ExchangeRate]:
        """The stored rates of ``pairs`` in force now or later, the earlier first; ``asked_at`` is when that was."""
        return ExchangeRate.objects.filter(not_over(), of_pairs(pairs)).annotate(asked_at=Now()).order_by("valid_from")

    def find_rates_between(self, pairs: Iterable[Pair], first: datetime, last: datetime) -> QuerySet[ExchangeRate]:
        """The stored rates of ``pairs`` that were in force at some time from ``first`` until ``last``."""
        begun = Q(valid_until__isnull=True) | Q(valid_until__gt=first)
        return ExchangeRate.objects.filter(begun, of_pairs(pairs), valid_from__lt=last).order_by("valid_from")


def not_over() -> Q:
    """In force now or later. Now is the statement's start, as PostgreSQL's clock has it."""
    return Q(valid_until__isnull=True) | Q(valid_until__gt=Now())


def of_pairs(pairs: Iterable[Pair]) -> Q:
    found = Q(pk__in=())
    for pair in pairs:
        found |= Q(from_currency=pair.source, to_currency=pair.target)
    return found
