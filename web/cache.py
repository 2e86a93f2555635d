"""What the web application caches."""

from decimal import Decimal
from typing import Any

from exchanger.kernel.cache.application import ApplicationCache
from exchanger.kernel.cache.leases import Loaded
from exchanger.kernel.cache.namespaces import RATES
from exchanger.kernel.contexts import Context
from web.adapter import WebAdapter


class WebCache(ApplicationCache):
    """Rates under ``cache:web:rates:{from_to}``, for 5 minutes and never longer than they are valid."""

    context = Context.WEB

    def get_exchange_rate(self, from_currency: str, to_currency: str) -> Decimal | None:
        """The pair's current rate for showing; a decision about money reads PostgreSQL instead."""
        rate = self.get_rate(from_currency, to_currency)
        return None if rate is None else Decimal(rate["rate"])

    def get_rate(self, from_currency: str, to_currency: str) -> dict[str, Any] | None:
        """The current rate with its period: ``from_currency, to_currency, rate, valid_from, valid_until``."""
        source, target = from_currency.upper(), to_currency.upper()
        rate: dict[str, Any] | None = self._read(RATES, f"{source}_{target}".lower(), lambda: _load(source, target))
        return rate


def _load(from_currency: str, to_currency: str) -> Loaded | None:
    rate = WebAdapter().find_current_rate(from_currency, to_currency)
    if rate is None:
        return None
    return Loaded(
        {
            "from_currency": rate.from_currency,
            "to_currency": rate.to_currency,
            "rate": rate.rate,
            "valid_from": rate.valid_from,
            "valid_until": rate.valid_until,
        },
        expires_at=rate.valid_until,
    )
