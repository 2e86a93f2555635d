"""The first page."""

import html
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from admin_panel.panel import blocks
from admin_panel.panel.charts import main_currency, orders_chart, turnover_chart
from admin_panel.panel.money import amount_text
from admin_panel.services.metrics import metrics_collect
from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import ApplicationProcess, process_environment
from exchanger.testing.servers import TestServers
from web.tests.factories import EventDeliveryFactory, ExchangeRateFactory, OrderFactory

pytestmark = pytest.mark.context("admin")
NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)
LOOK = blocks.Look(NOW, 30)


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


@pytest.fixture
def own_servers(tmp_path_factory):
    """PostgreSQL and Redis of this test alone, and the key of an operator's session in them."""
    servers = TestServers()
    servers.acquire()
    owner = process_environment(None, servers.environments)
    admin = process_environment(Context.ADMIN, servers.environments)
    try:
        manage(owner, "migrate", "-v0")
        manage({**owner, "PASSWORD": "a long enough one"}, "shell", "-c", MAKE_OPERATOR)
        yield servers, manage(admin, "shell", "-v0", "-c", OPEN_SESSION).split()[-1]
    finally:
        servers.destroy()


def manage(environment, *arguments):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, env=environment, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True).stdout


MAKE_OPERATOR = """
from identity.tests.factories import UserFactory
UserFactory(email="operator@example.com", permissions={"admin": ["*"]})
"""
OPEN_SESSION = """
from admin_panel.tests.conftest import passed_session
from identity.models import User
print(passed_session(User.objects.get()))
"""


def card(page, title):
    """The text of the card with this title."""
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    return text.partition(title)[2][:200]


def charts(page):
    return [json.loads(html.unescape(data)) for data in re.findall(r'data-value="([^"]+)"', page)]


def test_an_empty_platform_has_a_first_page(operator):
    page = operator.get("/admin/").text
    assert "No orders in the last 30 days." in page
    assert "No completed orders in the last 30 days." in page
    assert "No orders since midnight (UTC)." in page
    assert "No rate has been published yet." in page
    assert "oldest: –" in page
    assert "no order completed in the last 30 days" in page
    assert "Nobody asked for a quote in the last 30 days." in page
    assert "no event waits" in page
    assert page.count("Nothing was recorded.") == 4
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
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 1, "web": 8, "admin": 2, "bot": 0}
    assert "django_admin_log" not in str(sent)


@pytest.mark.parametrize(
    ("permission", "told", "untold"),
    [
        (
            "web.view_order",
            ["Orders today", "Turnover a day", "Time to complete"],
            ["Pairs with a rate", "Live sessions", "From quote", "Redis", "Delivery lag", "System health"],
        ),
        (
            "web.view_exchangerate",
            ["Pairs with a rate"],
            ["Orders today", "Turnover a day", "Live sessions", "Time to complete", "7 days"],
        ),
        ("identity.view_user", ["Live sessions"], ["Orders today", "Pairs with a rate"]),
        ("web.view_quote", ["None of the dashboard"], ["From quote"]),
        ("web.view_eventdelivery", ["Delivery lag"], ["System health", "Redis", "Orders today"]),
        ("admin_panel.view_systemmetric", ["Redis hit ratio", "System health"], ["Orders today", "no event waits"]),
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


def test_quotes_take_both_permissions(operator_with):
    assert "From quote to completed order" in operator_with("web.view_quote", "web.view_order").get("/admin/").text


def test_without_redis_the_page_and_the_lists_are_there(operator, broken_redis):
    OrderFactory(status="paid")
    page = operator.get("/admin/").text
    assert "Orders today" in page
    assert "unknown" in page
    assert "Redis does not answer" in page
    assert "100.00 USD" in operator.get("/admin/web/order/").text


def test_with_redis_frozen_and_then_killed_the_page_comes_from_postgresql(own_servers, tmp_path):
    """An admin process of its own, with a Redis of its own, which it asks again and again."""
    servers, key = own_servers
    redis = servers.valkey.pid()
    extra = {"REDIS_TIMEOUT": "0.2", "REDIS_PROBE_SECONDS": "0.5"}
    process = ApplicationProcess(Context.ADMIN, servers.environments, tmp_path / "admin.log", extra=extra)
    pages = []
    try:
        with process.client(cookies={"exchanger_admin_session": key}) as client:
            assert "unknown" not in card(client.get("/admin/").text, "Redis hit ratio")
            for way in (signal.SIGSTOP, signal.SIGKILL):
                os.kill(redis, way)
                pages += [client.get("/admin/") for _ in range(2)]
    finally:
        process.stop()
    assert [page.status_code for page in pages] == [200] * 4
    for page in pages:
        assert "unknown" in card(page.text, "Redis hit ratio")
        assert "Waiting for an operator" in page.text


@pytest.mark.parametrize(("asked", "shown"), [("7", 7), ("30", 30), ("90", 90), (None, 30), ("365", 30), ("²", 30)])
def test_the_charts_are_of_7_30_or_90_days(asked, shown, operator):
    OrderFactory(status="completed", created_at=timezone.now() - timedelta(days=60))
    OrderFactory(status="completed", created_at=timezone.now() - timedelta(days=20))
    OrderFactory(status="completed")
    page = operator.get("/admin/", {"days": asked} if asked else None).text
    orders, turnover = charts(page)
    assert len(orders["labels"]) == len(turnover["labels"]) == shown
    assert sum(orders["datasets"][0]["data"]) == {7: 1, 30: 2, 90: 3}[shown]
    assert f"Orders by status, last {shown} days" in page
    assert re.search(rf'href="\?days={shown}"\s+aria-current="page"', page)
    assert page.count('aria-current="page"') == 1
    assert [int(days) for days in re.findall(r'href="\?days=(\d+)"', page)] == [7, 30, 90]


def test_a_period_is_one_more_statement_for_each_of_its_figures(operator, statements):
    operator.get("/admin/")
    sent = statements(lambda: operator.get("/admin/?days=7"))
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 0, "web": 2, "admin": 0, "bot": 0}
    sent = statements(lambda: operator.get("/admin/?days=7"))
    assert not any(sent.values())


def test_the_health_of_the_platform_is_drawn_from_what_was_recorded(operator):
    metrics_collect(at=timezone.now())
    sizes, jobs, delivery = charts(operator.get("/admin/").text)  # one measurement gives no hit ratio
    assert [line["label"] for line in sizes["datasets"]] == ["admin", "bot", "identity", "web"]
    assert len(sizes["labels"]) == 48
    assert all(line["data"][-1] > 5 and line["data"][:-1] == [None] * 47 for line in sizes["datasets"])
    assert [line["data"][-1] for line in jobs["datasets"]] == [0, 0, 0]
    assert delivery["datasets"][0]["data"][-1] == 0


def test_how_long_events_have_waited_is_told(operator):
    now = timezone.now()
    EventDeliveryFactory(created_at=now - timedelta(hours=3, minutes=20, seconds=5))
    EventDeliveryFactory(created_at=now - timedelta(hours=1))
    shown = card(operator.get("/admin/").text, "Delivery lag")
    assert "3 h 20 min" in shown
    assert "2 waiting" in shown


@pytest.mark.parametrize(
    ("figure", "value", "note"),
    [
        ({"answers": False}, "unknown", "Redis does not answer"),
        ({"answers": True, "hits": 0, "lookups": 0, "since": None}, "–", "nothing was looked up"),
        ({"answers": True, "hits": 19, "lookups": 20, "since": None}, "95.0%", "of 20 look-ups since Redis started"),
        (
            {"answers": True, "hits": 1, "lookups": 3, "since": (NOW - timedelta(hours=1)).isoformat()},
            "33.3%",
            "of 3 look-ups in 1\xa0hour",
        ),
    ],
)
def test_the_hit_ratio_is_told_or_said_to_be_unknown(figure, value, note):
    shown = blocks.redis_hits(figure, LOOK)["card"]
    assert shown["value"] == value
    assert note in shown["note"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")],
)
def test_durations_are_in_units_that_a_person_reads(seconds, text):
    figure = {"completed": 1, "median": seconds, "ninety": seconds}
    assert blocks.completion(figure, LOOK)["card"]["value"] == text


def test_a_conversion_is_shares_of_the_quotes():
    block = blocks.conversion({"quotes": 8, "orders": 4, "completed": 3}, LOOK)
    assert block["card"]["value"] == "37.5%"
    assert [(step["number"], step["share"]) for step in block["steps"]] == [
        ("8", "100.0%"),
        ("4", "50.0%"),
        ("3", "37.5%"),
    ]
    assert blocks.conversion({"quotes": 0, "orders": 0, "completed": 0}, LOOK)["steps"] == []


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
    drawn = json.loads(orders_chart(rows, NOW.date(), 30))
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
    assert json.loads(turnover_chart(rows, NOW.date(), "USD", 30))["datasets"][0]["data"][-3:] == ["5", "0", "0.3"]
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
    shown = blocks.latest_rates([rate], LOOK)
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
