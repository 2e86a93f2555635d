"""What the web application caches."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from exchanger.kernel.cache.application import ApplicationCache
from exchanger.kernel.cache.leases import Loaded
from exchanger.kernel.cache.namespaces import ORDERS, RATES
from exchanger.kernel.contexts import Context
from exchanger.kernel.money.pairs import Pair, WrongPair
from web.adapter import WebAdapter
from web.configuration import NotConfigured, read_configuration
from web.orders import order_json, quote_of
from web.rates import CurrentRate, find_rate


class WebCache(ApplicationCache):
    """What is shown often: rates and orders.

    Rates are under ``cache:web:rates:{from_to}``, for 5 minutes and never longer than they are valid; orders under
    ``cache:web:orders:{id}``, for 30 minutes, and gone with each move.
    """

    context = Context.WEB

    def get_exchange_rate(self, from_currency: str, to_currency: str) -> Decimal | None:
        """The pair's current rate for showing; a decision about money reads PostgreSQL instead."""
        try:
            pair = Pair.parse(f"{from_currency}_{to_currency}")
        except WrongPair:
            return None
        rate = self.get_rate(pair)
        return None if rate is None else Decimal(rate["rate"])

    def get_rate(self, pair: Pair) -> dict[str, Any] | None:
        """The current rate as ``web.rates.CurrentRate.as_json`` has it."""
        rate: dict[str, Any] | None = self._read(RATES, pair.code, lambda: _load(pair))
        return rate

    def get_order(self, order_id: UUID) -> dict[str, Any] | None:
        """An order as ``web.orders.order_json`` has it, whosever it is: who asks must be its ``user_id``."""
        order: dict[str, Any] | None = self._read(ORDERS, order_id, lambda: _load_order(order_id))
        return order


def _load_order(order_id: UUID) -> Loaded | None:
    order = WebAdapter().find_order(order_id)
    return None if order is None else Loaded(order_json(order, quote_of(order)))


def _load(pair: Pair) -> Loaded | None:
    rate = find_shown_rate(pair)
    return None if rate is None else Loaded(rate.as_json(), expires_at=rate.valid_until)


def find_shown_rate(pair: Pair) -> CurrentRate | None:
    """The rate that may be shown: of a pair on offer whatever leads to it, of any other only what is stored for it.

    So whoever changes a rate knows which cached ones follow from it.
    """
    try:
        # From the database: the lease then keeps a rate by an older base currency from being put back.
        configuration = read_configuration()
    except NotConfigured:
        configuration = None
    if configuration is not None and pair in configuration.pairs:
        return find_rate(pair, configuration.base_currency)
    rate = find_rate(pair, pair.source)
    return rate if rate is not None and rate.stored[0].pair == pair else None
