"""What each context's workers do by the clock: the web application's affairs are its own workers', and no other's."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from exchanger.schedule import register
from web.models import Order, OrderStatus, Quote
from web.services.quotes import KEEP_EXPIRED
from web.tests.factories import OrderFactory, QuoteFactory

OF_WEB = {
    "rates.fetch",
    "quotes.purge",
    "orders.expire",
    "payments.reconcile",
    "refunds.queue",
    "provider_events.purge",
    "acting.purge",
}


def tasks() -> dict[str, Any]:
    """What ``register`` adds in this process's context."""
    app = App(connector=InMemoryConnector())
    register(app)
    return dict(app.tasks)


@pytest.mark.parametrize(("context", "scheduled"), [("web", OF_WEB), ("admin", set()), ("telegram", set())])
def test_rates_quotes_and_orders_are_the_web_workers_affair(context, scheduled, as_context):
    with as_context(context):
        assert set(tasks()) & OF_WEB == scheduled


@pytest.mark.context("web")
def test_where_nothing_is_published_no_provider_is_asked():
    tasks()["rates.fetch"].func(0)


@pytest.mark.context("web")
def test_old_quotes_are_purged():
    ended = timezone.now() - KEEP_EXPIRED - timedelta(days=1)
    QuoteFactory(created_at=ended - timedelta(minutes=1), expires_at=ended)
    tasks()["quotes.purge"].func(0)
    assert not Quote.objects.exists()


@pytest.mark.context("web")
def test_orders_that_were_not_paid_in_time_end():
    OrderFactory(expires_at=timezone.now() - timedelta(seconds=1))
    tasks()["orders.expire"].func(0)
    assert Order.objects.get().status == OrderStatus.EXPIRED
