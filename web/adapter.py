"""Every read of the web database that the web application makes."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from exchanger.kernel.contexts import Context, require
from web.models import ExchangeRate, Order


class WebAdapter:
    """The source document's adapter of the web application; a process of another context cannot make one."""

    context = Context.WEB

    def __init__(self) -> None:
        require(self.context)

    def find_user_orders(self, user_id: UUID) -> QuerySet[Order]:
        """A person's own orders, and nobody else's."""
        return Order.objects.filter(user_id=user_id)

    def find_current_rates(self) -> QuerySet[ExchangeRate]:
        """The rate of each pair that is in force now."""
        in_force = Q(valid_until__isnull=True) | Q(valid_until__gt=Now())
        return ExchangeRate.objects.filter(in_force, valid_from__lte=Now())

    def find_current_rate(self, from_currency: str, to_currency: str) -> ExchangeRate | None:
        """The pair's rate in force now, the latest where there were several."""
        rates = self.find_current_rates().filter(from_currency=from_currency, to_currency=to_currency)
        return rates.order_by("-valid_from").first()
