"""The first page."""

import html
import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from admin_panel.panel import blocks
from admin_panel.panel.charts import main_currency, orders_chart, turnover_chart
from admin_panel.panel.money import amount_text
from web.tests.factories import ExchangeRateFactory, OrderFactory

pytestmark = pytest.mark.context("admin")
NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)


def day(day_of_may, pair=("USD", "UAH"), orders=1, completed=1, given="100", received="4150"):
    return {
        "day": date(2026, 5, day_of_may).isoformat(),
        "from_currency": pair[0],
        "to_currency": pair[1],
        "orders": orders,
        "completed": completed,
        "given": given,
        "received": received,
    }


def charts(page):
    return [json.loads(html.unescape(data)) for data in re.findall(r'data-value="([^"]+)"', page)]


def test_an_empty_platform_has_a_first_page(operator):
    page = operator.get("/admin/").text
    assert "No orders in the last 30 days." in page
    assert "No completed orders in the last 30 days." in page
    assert "No orders since midnight (UTC)." in page
    assert "No rate has been published yet." in page
    assert "oldest: –" in page
    assert charts(page) == []


def test_the_page_shows_what_the_operators_need(operator):
    OrderFactory(status="completed", amount="100", exchange_rate="41.50")
    OrderFactory(status="paid", created_at=timezone.now() - timedelta(days=2))
    ExchangeRateFactory(rate="41.5", valid_from=timezone.now() - timedelta(hours=2))
    page = operator.get("/admin/").text
    for told in ("oldest: 2\xa0days", "1 completed", "100.00 USD", "4,150.00 UAH", "41.50", "2\xa0hours", "none ended"):
        assert told in page
    assert "web 0 · admin 1 · telegram 0" in page
    orders, turnover = charts(page)
    assert [data["data"][-1] for data in orders["datasets"]] == [1, 1]
    assert [data["data"][-3] for data in orders["datasets"]] == [0, 1]
    assert turnover["datasets"][0]["data"][-1] == "4150.0000000000000000"


def test_a_second_look_asks_no_database(operator, statements):
    OrderFactory()
    first = operator.get("/admin/").text
    pages = []
    sent = statements(lambda: pages.append(operator.get("/admin/").text))
    assert not any(sent.values())
    assert charts(pages[0]) == charts(first)


def test_the_first_look_is_a_statement_for_each_figure(operator, statements):
    operator.get("/admin/search/")
    sent = statements(lambda: operator.get("/admin/"))
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 1, "web": 5, "admin": 0, "bot": 0}
    assert "django_admin_log" not in str(sent)


@pytest.mark.parametrize(
    ("permission", "told", "untold"),
    [
        ("web.view_order", ["Orders today", "Turnover a day"], ["Pairs with a rate", "Live sessions"]),
        ("web.view_exchangerate", ["Pairs with a rate"], ["Orders today", "Turnover a day", "Live sessions"]),
        ("identity.view_user", ["Live sessions"], ["Orders today", "Pairs with a rate"]),
        ("bot.view_message", ["None of the dashboard"], ["Orders today", "Pairs with a rate", "Live sessions"]),
    ],
)
def test_a_figure_takes_the_permission_to_read_its_rows(operator_with, world, permission, told, untold):
    page = operator_with(permission).get("/admin/").text
    for text in told:
        assert text in page
    for text in untold:
        assert text not in page
    if permission.startswith("bot."):
        with world.redis() as client:
            assert client.keys("cache:*") == []


def test_without_redis_the_page_and_the_lists_are_there(operator, broken_redis):
    OrderFactory(status="paid")
    assert "Orders today" in operator.get("/admin/").text
    assert "100.00 USD" in operator.get("/admin/web/order/").text


def test_a_figure_that_cannot_be_read_leaves_the_others(operator, world):
    ExchangeRateFactory(from_currency="BTC")
    world.superuser("web").execute("REVOKE SELECT ON orders FROM exchanger_admin")
    try:
        page = operator.get("/admin/").text
    finally:
        world.superuser("web").execute("GRANT SELECT ON orders TO exchanger_admin")
    assert "Not shown now: queue" in page
    assert "BTC → UAH" in page
    assert "Orders today" in operator.get("/admin/").text


def test_the_charts_have_thirty_days_and_leave_none_out():
    rows = [day(30, orders=3, completed=2), day(30, pair=("BTC", "USD")), day(1, completed=0)]
    drawn = json.loads(orders_chart(rows, NOW.date()))
    assert (len(drawn["labels"]), drawn["labels"][0], drawn["labels"][-1]) == (30, "01 May", "30 May")
    completed, made = (dataset["data"] for dataset in drawn["datasets"])
    assert (completed[0], completed[-1], sum(completed)) == (0, 3, 3)
    assert (made[0], made[-1], sum(made)) == (1, 4, 5)


def test_turnover_is_in_the_currency_of_most_completed_orders_without_conversion():
    rows = [
        day(30, pair=("USD", "UAH"), given="0.1", received="4.15"),
        day(30, pair=("BTC", "USD"), given="1", received="0.2"),
        day(29, pair=("EUR", "UAH"), given="7", received="8"),
        day(29, pair=("ETH", "BTC"), orders=99, completed=0),
        day(28, pair=("USD", "EUR"), given="5"),
    ]
    assert main_currency(rows) == "USD"
    assert json.loads(turnover_chart(rows, NOW.date(), "USD"))["datasets"][0]["data"][-3:] == ["5", "0", "0.3"]
    assert main_currency([]) is None
    assert main_currency([day(1, completed=0)]) is None


@pytest.mark.parametrize(
    ("age", "until", "state"),
    [
        (timedelta(hours=23), None, "fresh"),
        (timedelta(hours=25), None, "stale"),
        (timedelta(hours=1), timedelta(0), "ended"),
        (timedelta(hours=1), timedelta(seconds=1), "fresh"),
    ],
)
def test_a_rate_is_fresh_stale_or_ended(age, until, state):
    rate = {
        "from_currency": "USD",
        "to_currency": "UAH",
        "rate": "41.5",
        "valid_from": (NOW - age).isoformat(),
        "valid_until": None if until is None else (NOW + until).isoformat(),
    }
    shown = blocks.latest_rates([rate], NOW)
    assert state in shown["table"]["rows"][0][-1]
    assert shown["card"]["value"] == ("0" if state == "ended" else "1")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1234567.5", "1,234,567.50"),
        ("0.00000001", "0.00000001"),
        ("-100.00000000", "-100.00"),
        ("0", "0.00"),
        ("4150.0000000000000001", "4,150.00"),
    ],
)
def test_an_amount_shows_every_digit_that_counts(amount, text):
    assert amount_text(amount) == text
