"""The dashboard's numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from admin_panel.figures import PlatformFigures
from exchanger.kernel.contexts import ForeignContext, NoContext
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.models import OrderStatus
from web.services.moves import order_lock, order_move
from web.tests.factories import (
    AnalyticsEventFactory,
    EventDeliveryFactory,
    ExchangeRateFactory,
    OrderFactory,
    QuoteFactory,
)

pytestmark = pytest.mark.context("admin")


def today():
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def test_orders_are_counted_by_status_for_thirty_days():
    OrderFactory(status="paid", created_at=today() - timedelta(days=29))
    OrderFactory(status="paid", created_at=today() - timedelta(days=29, microseconds=1))
    OrderFactory.create_batch(2, status="completed")
    found = PlatformFigures().orders_by_status()
    assert {status: orders for status, orders in found.items() if orders} == {"paid": 1, "completed": 2}
    assert len(found) == 8


def test_todays_turnover_is_what_completed_orders_moved():
    OrderFactory(status="completed", amount="100", exchange_rate="41.50")
    OrderFactory(status="completed", amount="0.00000001", exchange_rate="0.00000001")
    OrderFactory(status="pending", amount="7")
    OrderFactory(status="completed", amount="5", created_at=today() - timedelta(microseconds=1))
    OrderFactory(from_currency="BTC", to_currency="USD", status="failed")
    first, second = PlatformFigures().turnover_today()
    assert (first["from_currency"], first["to_currency"], first["orders"], first["completed"]) == ("USD", "UAH", 3, 2)
    assert first["given"] == "100.00000001"
    assert first["received"] == "4150.0000000000000001"
    assert (second["from_currency"], second["orders"], second["given"], second["received"]) == ("BTC", 1, "0", "0")


def test_turnover_by_day_is_by_the_day_in_utc():
    day = today() - timedelta(days=3)
    OrderFactory(status="completed", amount="10", created_at=day)
    OrderFactory(status="completed", amount="1", created_at=day - timedelta(microseconds=1))
    found = [(row["day"], row["given"]) for row in PlatformFigures().daily_turnover()]
    assert found == [
        ((day - timedelta(days=1)).date().isoformat(), "1.00000000"),
        (day.date().isoformat(), "10.00000000"),
    ]


def test_the_queue_is_counted_by_age():
    now = timezone.now()
    for minutes in (1, 14, 16, 61, 239, 241, 100_000):
        OrderFactory(status="paid", created_at=now - timedelta(minutes=minutes))
    OrderFactory(status="completed")
    paid, processing = PlatformFigures().queue()
    assert (paid["status"], paid["ages"]) == ("paid", [2, 1, 2, 2])
    assert paid["oldest"] == (now - timedelta(minutes=100_000)).astimezone(UTC).isoformat()
    assert processing == {"status": "processing", "ages": [0, 0, 0, 0], "oldest": None}


def test_each_pair_has_its_latest_rate_even_one_that_has_ended_and_none_to_come():
    now = timezone.now()
    old, new = now - timedelta(days=400), now - timedelta(hours=1)
    ExchangeRateFactory(rate="40", valid_from=old, valid_until=new)
    ExchangeRateFactory(rate="41.5", valid_from=new, valid_until=now + timedelta(hours=1))
    ExchangeRateFactory(rate="50", valid_from=now + timedelta(hours=1))
    ExchangeRateFactory(from_currency="BTC", to_currency="USD", rate="9", valid_from=old, valid_until=new)
    ExchangeRateFactory(from_currency="ETH", to_currency="USD", valid_from=now + timedelta(hours=1))
    found = PlatformFigures().latest_rates()
    assert [(rate["from_currency"], rate["to_currency"], rate["rate"]) for rate in found] == [
        ("BTC", "USD", "9.00000000"),
        ("USD", "UAH", "41.50000000"),
    ]
    assert datetime.fromisoformat(found[0]["valid_until"]) == new


def test_live_sessions_are_counted_in_every_context(as_context):
    user = UserFactory()
    for context in ("web", "web", "telegram"):
        with as_context(context):
            session_open(user=user)
    assert PlatformFigures().live_sessions() == {"web": 2, "admin": 0, "telegram": 1}


def test_a_conversion_counts_quotes_that_were_taken_and_that_were_not():
    now = timezone.now()
    rate = ExchangeRateFactory().pk
    for status in ("completed", "completed", "pending"):
        QuoteFactory(order=OrderFactory(status=status), rate_id=rate)
    QuoteFactory(rate_id=rate)
    QuoteFactory(created_at=now - timedelta(days=40), expires_at=now - timedelta(days=39), rate_id=rate)
    QuoteFactory(order=OrderFactory(status="completed", created_at=now - timedelta(days=40)), rate_id=rate)
    OrderFactory(status="completed")  # from before there were quotes
    assert PlatformFigures().conversion() == {"quotes": 4, "orders": 3, "completed": 2}


def test_the_time_to_complete_is_from_the_order_to_the_event_of_its_completion():
    now = timezone.now()
    for minutes in (*range(1, 10), 600):
        order = OrderFactory(created_at=now - timedelta(hours=20), status="refunded")  # since
        AnalyticsEventFactory(
            event_type="order.completed",
            event_data={"order_id": str(order.pk)},
            created_at=order.created_at + timedelta(minutes=minutes),
        )
    AnalyticsEventFactory(event_type="order.paid", event_data={"order_id": str(order.pk)})
    old = OrderFactory(created_at=now - timedelta(days=50))
    AnalyticsEventFactory(
        event_type="order.completed", event_data={"order_id": str(old.pk)}, created_at=now - timedelta(days=40)
    )
    found = PlatformFigures().completion()
    assert found == {"completed": 10, "median": 330, "ninety": 4086}


def test_an_order_that_an_operator_completes_counts(as_context):
    """By the service itself, so that the figure cannot look for another event than it records."""
    order = OrderFactory(status="processing", created_at=timezone.now() - timedelta(hours=2))
    with as_context("web"), transaction.atomic(using="web"):
        order_move(order=order_lock(order_id=order.pk), to=OrderStatus.COMPLETED)
    found = PlatformFigures().completion()
    assert found["completed"] == 1
    assert 7_200 <= found["median"] <= 7_260


def test_deliveries_that_wait():
    now = timezone.now()
    EventDeliveryFactory(created_at=now - timedelta(minutes=5))
    EventDeliveryFactory(created_at=now - timedelta(minutes=9), delivered_at=now)
    found = PlatformFigures().deliveries()
    assert found == {"waiting": 1, "oldest": (now - timedelta(minutes=5)).isoformat()}


@pytest.mark.parametrize("figure", ["conversion", "completion", "deliveries"])
def test_a_figure_reads_by_an_index_and_not_the_whole_table(figure, statements, world):
    read = getattr(PlatformFigures(), figure)
    [statement] = statements(read)["web"]
    server = world.superuser("web")
    with server.transaction():
        for way in ("seqscan", "hashjoin", "mergejoin"):
            server.execute(f"SET LOCAL enable_{way} = off")
        plan = "\n".join(line for (line,) in server.execute("EXPLAIN " + statement))
    assert "Seq Scan" not in plan


def test_an_empty_platform_has_figures_too():
    figures = PlatformFigures()
    assert set(figures.orders_by_status().values()) == {0}
    assert (figures.turnover_today(), figures.daily_turnover(), figures.latest_rates()) == ([], [], [])
    assert [row["ages"] for row in figures.queue()] == [[0] * 4] * 2
    assert figures.conversion() == {"quotes": 0, "orders": 0, "completed": 0}
    assert figures.completion() == {"completed": 0, "median": None, "ninety": None}
    assert figures.deliveries() == {"waiting": 0, "oldest": None}
    assert figures.live_sessions() == {"web": 0, "admin": 0, "telegram": 0}


def test_only_an_admin_process_has_them(as_context):
    with as_context("web"), pytest.raises(ForeignContext):
        PlatformFigures()
    with as_context(None), pytest.raises(NoContext):
        PlatformFigures()
