"""Orders, as their clients make and cancel them, and as they end unpaid. What operators do is in ``fulfilment``."""

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import ORDERS
from exchanger.kernel.money.pairs import Pair
from identity.models import User
from web.configuration import WebConfiguration, read_configuration
from web.models import Order, OrderStatus, Quote
from web.services.day_limits import day_limits_check
from web.services.moves import ALIAS, OrderRefused, order_announce, order_move
from web.services.quotes import check_open, quote_make

EXPIRE_BATCH = 50


def order_create(*, user: User, quote_id: UUID) -> tuple[Order, Quote]:
    """An order at the terms of a quote, and the quote, which no other order can take from then on.

    Raises:
        OrderRefused: ``email_not_verified``, ``not_found``, ``quote_taken``, ``quote_expired``, ``client_limit``,
            ``pair_limit``.
        web.services.quotes.QuoteRefused: ``maintenance``.
        web.configuration.NotConfigured
    """
    _check_verified(user)
    with transaction.atomic(using=ALIAS):
        configuration = read_configuration()
        check_open(configuration)
        quote = _lock_free(user, quote_id)
        return _take(quote, configuration), quote


def order_create_now(
    *,
    user: User,
    pair: Pair,
    from_amount: Decimal | None = None,
    to_amount: Decimal | None = None,
    expected_rate: Decimal | None = None,
) -> tuple[Order, Quote]:
    """An order at the rate of this moment, if it is no worse than ``expected_rate``, and the quote made for it.

    Raises:
        OrderRefused: ``email_not_verified``, ``rate_changed``, ``client_limit``, ``pair_limit``.
        web.services.quotes.QuoteRefused: whatever ``quote_create`` refuses with.
        web.configuration.NotConfigured
    """
    _check_verified(user)
    with transaction.atomic(using=ALIAS):
        configuration = read_configuration()
        quote = quote_make(
            configuration=configuration, user_id=user.pk, pair=pair, from_amount=from_amount, to_amount=to_amount
        )
        if expected_rate is not None and quote.rate < expected_rate:
            raise OrderRefused(
                "rate_changed",
                f"The rate is {quote.rate:f} now, less than you expect: order at that, or wait for a better one.",
                status=409,
                details={"pair": pair.code, "rate": f"{quote.rate:f}", "expected_rate": f"{expected_rate:f}"},
            )
        return _take(quote, configuration), quote


def order_cancel(*, user_id: UUID, order_id: UUID) -> None:
    """Cancel a person's own order that is not paid yet; nothing happens where it is cancelled already.

    Raises:
        OrderRefused: ``not_found``, ``order_status``.
    """
    with transaction.atomic(using=ALIAS):
        order = Order.objects.select_for_update(no_key=True).filter(pk=order_id, user_id=user_id).first()
        if order is None:
            raise _not_found("order")
        if order.status == OrderStatus.CANCELLED:
            # Whoever cancelled it may not have dropped it from the cache yet, and we are about to say that it is so.
            invalidate_on_commit([ORDERS.key(order.pk)], using=ALIAS)
            return
        if order.status != OrderStatus.PENDING:
            raise OrderRefused(
                "order_status",
                f"The order is {order.status}, and only one that is not paid yet can be cancelled.",
                status=409,
                details={"status": order.status, "wanted": OrderStatus.CANCELLED},
            )
        order_move(order=order, to=OrderStatus.CANCELLED, by="client")


def orders_expire() -> int:
    """End the orders that were not paid in time, in batches that commit one by one; returns how many.

    Orders that somebody is at are left for the next run, so any number of processes can do this at once.
    """
    expired = 0
    while True:
        with transaction.atomic(using=ALIAS):
            batch = list(_overdue().select_for_update(no_key=True, skip_locked=True)[:EXPIRE_BATCH])
            for order in batch:
                order_move(order=order, to=OrderStatus.EXPIRED)
        expired += len(batch)
        if len(batch) < EXPIRE_BATCH:
            return expired


def _check_verified(user: User) -> None:
    if not user.email_verified:
        raise OrderRefused(
            "email_not_verified",
            "Verify your e-mail address first: open the link that we have sent you, or ask for another one.",
            status=403,
        )


def _lock_free(user: User, quote_id: UUID) -> Quote:
    """The person's own quote, if an order can take it; nobody else does until the transaction ends."""
    over = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField())
    quotes = Quote.objects.select_for_update(no_key=True).filter(pk=quote_id, user_id=user.pk)
    quote = quotes.annotate(over=over).first()
    if quote is None:
        raise _not_found("quote")
    if quote.order_id is not None:
        raise OrderRefused(
            "quote_taken",
            "An order has taken this quote: look at that order, or ask for a new quote.",
            status=409,
            details={"order_id": str(quote.order_id)},
        )
    if quote.over:
        raise OrderRefused(
            "quote_expired",
            "This quote has expired: ask for a new one.",
            status=409,
            details={"expires_at": quote.expires_at.isoformat()},
        )
    return quote


def _take(quote: Quote, configuration: WebConfiguration) -> Order:
    day_limits_check(user_id=quote.user_id, pair=quote.pair, amount=quote.from_amount, configuration=configuration)
    order = Order.objects.create(
        user_id=quote.user_id,
        from_currency=quote.from_currency,
        to_currency=quote.to_currency,
        amount=quote.from_amount,
        exchange_rate=quote.rate,
        expires_at=quote.expires_at,
    )
    quote.order = order
    quote.save(update_fields=["order"])
    order_announce(
        order=order,
        event_type="order.created",
        to_amount=f"{quote.to_amount:f}",
        fee=f"{quote.fee:f}",
        expires_at=quote.expires_at.isoformat(),
    )
    return order


def _overdue() -> QuerySet[Order]:
    return Order.objects.filter(status=OrderStatus.PENDING, expires_at__lte=Now()).order_by("expires_at")


def _not_found(what: str) -> OrderRefused:
    return OrderRefused("not_found", f"There is no such {what}, or it is not yours.", status=404)
