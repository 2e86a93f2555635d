"""Quotes: an offer to a client, firm until it expires."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from exchanger.kernel.money.currencies import CEILING, Currency, currency
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.refusals import Refused
from web.configuration import WebConfiguration, read_configuration
from web.models import Quote
from web.pricing import Price, client_rate, price_given, price_wanted
from web.rates import CurrentRate, find_rate

KEEP_EXPIRED = timedelta(days=30)
PURGE_BATCH = 5000


class QuoteRefused(Refused):
    """No quote was made; the code says which rule said no."""

    codes = {
        400: {
            "unknown_pair": "USD/XAU is not exchanged here: GET /api/v1/pairs/ lists what is.",
            "one_amount": "Send either from_amount, what you give, or to_amount, what you want to get.",
            "amount_not_positive": "Send an amount above zero.",
            "amount_too_precise": "An amount of USD has at most 2 decimals.",
            "amount_too_small": "Give at least 20 USD for UAH.",
            "amount_too_large": "Give at most 10000 USD for UAH.",
        },
        503: {
            "maintenance": "The exchange is closed for maintenance: try again in a few minutes.",
            "rate_missing": "There is no rate of USD/UAH at the moment: try again later.",
            "rate_stale": "The rate of USD/UAH is too old to exchange at: try again when there is a new one.",
        },
    }


def quote_create(
    *, user_id: UUID, pair: Pair, from_amount: Decimal | None = None, to_amount: Decimal | None = None
) -> Quote:
    """A firm offer for giving ``from_amount``, or for receiving exactly ``to_amount``: one of the two.

    Raises:
        QuoteRefused: ``maintenance``, ``unknown_pair``, ``one_amount``, ``amount_not_positive``,
            ``amount_too_precise``, ``amount_too_small``, ``amount_too_large``, ``rate_missing``, ``rate_stale``.
        web.configuration.NotConfigured: nothing is on offer yet.
    """
    with transaction.atomic(using="web"):
        return quote_make(
            configuration=read_configuration(),
            user_id=user_id,
            pair=pair,
            from_amount=from_amount,
            to_amount=to_amount,
        )


def quote_make(
    *,
    configuration: WebConfiguration,
    user_id: UUID,
    pair: Pair,
    from_amount: Decimal | None,
    to_amount: Decimal | None,
) -> Quote:
    """``quote_create`` in a transaction that has read the configuration already."""
    check_open(configuration)
    _check_offered(pair, configuration)
    given, received = currency(pair.source), currency(pair.target)
    _check_amount(from_amount, to_amount, given, received)
    found = current_rate(pair, configuration)
    rate = client_rate(found.rate, configuration.spread)
    if rate <= 0:
        raise _missing(pair)
    fee = configuration.fee
    if from_amount is not None:
        price = price_given(from_amount, rate=rate, fee_share=fee, received=received)
    else:
        assert to_amount is not None
        price = price_wanted(to_amount, rate=rate, fee_share=fee, given=given, received=received)
    _check_limits(pair, price, configuration, given)
    return Quote.objects.create(
        user_id=user_id,
        from_currency=pair.source,
        to_currency=pair.target,
        from_amount=price.from_amount,
        to_amount=price.to_amount,
        rate=rate,
        spread=configuration.spread,
        fee=price.fee,
        rate_id=found.stored[0].pk,
        cross_rate_id=found.stored[1].pk if len(found.stored) > 1 else None,
        created_at=found.asked_at,
        expires_at=found.asked_at + configuration.quote_life,
    )


def check_open(configuration: WebConfiguration) -> None:
    """Raises QuoteRefused: ``maintenance``."""
    if configuration.maintenance_mode:
        raise QuoteRefused(
            "maintenance",
            "The exchange is closed for maintenance: try again in a few minutes.",
            status=503,
            retry_after=60,
        )


def current_rate(pair: Pair, configuration: WebConfiguration) -> CurrentRate:
    """The market's rate for a decision about money, from PostgreSQL.

    Raises:
        QuoteRefused: ``rate_missing``, ``rate_stale``.
    """
    found = find_rate(pair, configuration.base_currency)
    if found is None:
        raise _missing(pair)
    if found.is_stale(configuration.rate_max_age):
        raise QuoteRefused(
            "rate_stale",
            f"The rate of {pair.title} is too old to exchange at: try again when there is a new one.",
            status=503,
            details={"pair": pair.code, "confirmed_at": found.confirmed_at.isoformat()},
            retry_after=60,
        )
    return found


def quotes_purge() -> int:
    """Delete quotes that expired long ago and that no order took, in batches; returns how many."""
    deleted = 0
    while True:
        batch = Quote.objects.filter(order=None, expires_at__lt=Now() - KEEP_EXPIRED).values("pk")[:PURGE_BATCH]
        gone = Quote.objects.filter(pk__in=batch).delete()[0]
        deleted += gone
        if gone < PURGE_BATCH:
            return deleted


def _missing(pair: Pair) -> QuoteRefused:
    return QuoteRefused(
        "rate_missing",
        f"There is no rate of {pair.title} at the moment: try again later.",
        status=503,
        details={"pair": pair.code},
        retry_after=60,
    )


def _check_offered(pair: Pair, configuration: WebConfiguration) -> None:
    if pair not in configuration.pairs:
        raise QuoteRefused(
            "unknown_pair",
            f"{pair.title} is not exchanged here: GET /api/v1/pairs/ lists what is.",
            details={"pair": pair.code},
        )


def _check_amount(from_amount: Decimal | None, to_amount: Decimal | None, given: Currency, received: Currency) -> None:
    if (from_amount is None) == (to_amount is None):
        raise QuoteRefused("one_amount", "Send either from_amount, what you give, or to_amount, what you want to get.")
    amount, of = (from_amount, given) if from_amount is not None else (to_amount, received)
    assert amount is not None
    if not amount.is_finite() or amount <= 0:
        raise QuoteRefused("amount_not_positive", "Send an amount above zero.")
    if not of.is_whole(amount):
        raise QuoteRefused(
            "amount_too_precise",
            f"An amount of {of.code} has at most {of.places} decimals.",
            details={"currency": of.code, "decimals": of.places},
        )


def _check_limits(pair: Pair, price: Price, configuration: WebConfiguration, given: Currency) -> None:
    limits = configuration.limits_of(pair)
    details = {
        "currency": given.code,
        "minimum": f"{limits.minimum:f}",
        "maximum": f"{limits.maximum:f}",
        "from_amount": given.text(price.from_amount),
    }
    if price.from_amount < limits.minimum or price.to_amount <= 0:
        raise QuoteRefused(
            "amount_too_small", f"Give at least {details['minimum']} {given.code} for {pair.target}.", details=details
        )
    if price.from_amount > limits.maximum or price.to_amount + price.fee >= CEILING:
        raise QuoteRefused(
            "amount_too_large", f"Give at most {details['maximum']} {given.code} for {pair.target}.", details=details
        )
