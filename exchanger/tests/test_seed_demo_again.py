"""``manage.py seed_demo`` run again, run later, run where it must not, and interrupted."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connections
from psycopg import sql
from psycopg.rows import tuple_row

from admin_panel.models import AdminSetting, Configuration
from admin_panel.tests.factories import AdminSettingFactory, ConfigurationFactory
from bot.models import Conversation
from exchanger.demo.accounts import CLIENT, VIEWER
from exchanger.demo.ids import demo_id
from exchanger.demo.market import RateBook
from exchanger.demo.refused import DemoRefused, require_local_databases
from exchanger.demo.seed import seed
from exchanger.kernel.contexts import ALIASES
from identity.models import User, UserPermission
from identity.tests.factories import UserFactory
from web.models import CacheInvalidation, ExchangeRate, Order, OrderStatus, Payment
from web.tests.factories import ExchangeRateFactory, PaymentFactory

NOW = datetime(2027, 3, 17, 9, 41, 7, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
PAIRS = 6  # whose rates are stored; the others follow

Tables = dict[tuple[str, str], tuple[int, str]]


def run(now: datetime = NOW) -> int:
    """How many rows a run added."""
    return sum(progress.added for progress in seed(now=now))


def tables(world: Any) -> Tables:
    """(alias, table) → how many rows it has, and a checksum of all of them."""
    return {(alias, table): _checksum(world, alias, table) for alias in ALIASES for table in _names(world, alias)}


def _names(world: Any, alias: str) -> list[str]:
    found = world.superuser(alias).execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [name for (name,) in found]


def _checksum(world: Any, alias: str, table: str) -> tuple[int, str]:
    query = sql.SQL("SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t")
    cursor = world.superuser(alias).cursor(row_factory=tuple_row)
    return cursor.execute(query.format(sql.Identifier(table))).fetchone()


def changed(before: Tables, after: Tables) -> set[tuple[str, str]]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def periods(from_currency: str, to_currency: str) -> list[ExchangeRate]:
    pair = ExchangeRate.objects.filter(from_currency=from_currency, to_currency=to_currency)
    return list(pair.order_by("valid_from"))


@pytest.fixture
def elsewhere(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web database's URL names another machine; the connection that is open stays."""
    connections["web"].ensure_connection()
    monkeypatch.setitem(connections["web"].settings_dict, "HOST", "db.exchanger.example")


# --- Again -----------------------------------------------------------------------------------------------------------


def test_the_command_reports_each_step_with_its_count_and_a_second_run_changes_nothing(world):
    out = io.StringIO()
    call_command("seed_demo", stdout=out)
    for table, model in (("users", User), ("orders", Order), ("conversations", Conversation)):
        assert f"{model.objects.count():,} {table}" in out.getvalue()
    before = tables(world)
    again = io.StringIO()
    call_command("seed_demo", stdout=again)
    rates = {("web", "exchange_rates"), ("web", "cache_invalidations")}  # a midnight may have passed in between
    assert changed(before, tables(world)) <= rates
    assert "orders" not in again.getvalue()


def test_an_hour_later_nothing_is_added_or_moved(world):
    assert run() > 7000
    before = tables(world)
    assert run(NOW + timedelta(hours=1)) == 0
    assert changed(before, tables(world)) == set()


def test_what_people_have_changed_revoked_or_deleted_stays_so(world):
    run()
    Order.objects.filter(status=OrderStatus.PENDING).update(status=OrderStatus.CANCELLED)
    AdminSetting.objects.filter(key="reports.keep_days").update(value=7)
    assert UserPermission.objects.filter(user__email=VIEWER.email, permission="web.view_order").delete()[0] == 1
    User.objects.filter(email=CLIENT.email).update(email="moved@exchanger.example")
    assert Conversation.objects.filter(user_id=None).delete()[0] > 0
    before = tables(world)
    assert run() == 0
    assert changed(before, tables(world)) == set()


def test_what_was_there_before_the_first_run_stays(world):
    ExchangeRateFactory(from_currency="USD", to_currency="UAH", rate=Decimal("40.5"), valid_from=NOW)
    foreign = ExchangeRateFactory(from_currency="CHF", to_currency="UAH", rate=Decimal(55), valid_from=NOW)
    ConfigurationFactory(application_context="web", version=1, document={"spread": "0.1"})
    AdminSettingFactory(key="reports.keep_days", value=3)
    run()
    assert [period.rate for period in periods("USD", "UAH")] == [Decimal("40.5")]
    assert len(periods("EUR", "UAH")) == 91
    unquoted = set(Order.objects.filter(quotes=None).values_list("from_currency", "to_currency"))
    assert unquoted and all("USD" in pair for pair in unquoted)  # its rates of those days are not the demo's
    assert Configuration.objects.get(application_context="web").document == {"spread": "0.1"}
    assert Configuration.objects.filter(application_context="telegram").count() == 2
    assert AdminSetting.objects.get(key="reports.keep_days").value == 3
    run(TOMORROW)
    assert [period.pk for period in periods("CHF", "UAH") if period.valid_until is None] == [foreign.pk]
    assert len(periods("USD", "UAH")) == 1


# --- Later -----------------------------------------------------------------------------------------------------------


def test_tomorrow_only_the_new_day_of_each_rate_is_added(world):
    run()
    CacheInvalidation.objects.all().delete()
    before, rates = tables(world), {rate.pk: rate for rate in ExchangeRate.objects.all()}
    assert run(TOMORROW) == PAIRS
    # The keys of the rates that were cached while open are left to a process that reaches Redis.
    assert changed(before, tables(world)) == {("web", "exchange_rates"), ("web", "cache_invalidations")}
    assert CacheInvalidation.objects.filter(key="cache:web:rates:usd_uah").count() == 1
    midnight = TOMORROW.replace(hour=0, minute=0, second=0)
    for rate in ExchangeRate.objects.all():
        was = rates.pop(rate.pk, None)
        if was is None:
            assert (rate.valid_from, rate.valid_until) == (midnight, None)
            continue
        assert (was.rate, was.valid_from) == (rate.rate, rate.valid_from)
        assert rate.valid_until == (was.valid_until or midnight)
    assert rates == {}
    assert run(TOMORROW) == 0


def test_after_a_long_absence_the_days_between_are_filled_without_gap_or_jump(world):
    run()
    assert run(NOW + timedelta(days=120)) == 120 * PAIRS
    for pair in (("USD", "UAH"), ("EUR", "UAH")):
        found = periods(*pair)
        assert len(found) == 91 + 120
        for earlier, later in pairwise(found):
            assert earlier.valid_until == later.valid_from == earlier.valid_from + timedelta(days=1)
            assert abs(later.rate / earlier.rate - 1) < Decimal("0.02")
        assert found[-1].valid_until is None


def test_a_pair_that_people_have_published_changed_or_closed_is_left_to_them(world):
    run()
    closed_at = NOW + timedelta(minutes=5)
    published = ExchangeRate.objects.filter(from_currency="USD", to_currency="UAH", valid_until=None)
    assert published.update(valid_until=closed_at) == 1
    ExchangeRateFactory(from_currency="USD", to_currency="UAH", rate=Decimal(45), valid_from=closed_at)
    edited = ExchangeRate.objects.filter(from_currency="EUR", to_currency="UAH", valid_until=None)
    assert edited.update(rate=Decimal(52)) == 1
    withdrawn = ExchangeRate.objects.filter(from_currency="GBP", to_currency="UAH", valid_until=None)
    assert withdrawn.update(valid_until=closed_at) == 1
    taken = [("USD", "UAH"), ("EUR", "UAH"), ("GBP", "UAH")]

    def state() -> list[tuple[Any, ...]]:
        return [(rate.pk, rate.rate, rate.valid_until) for pair in taken for rate in periods(*pair)]

    before = state()
    assert run(TOMORROW) == PAIRS - len(taken)
    assert state() == before


def test_the_rate_of_a_day_is_the_same_whenever_it_is_asked_for():
    book = RateBook(NOW.date())
    recorded = [book.on(("USD", "UAH"), book.first_day + timedelta(days=age)) for age in range(91)]
    replayed = [book.on(("USD", "UAH"), NOW.date() + timedelta(days=age)) for age in range(181)]
    assert replayed[:91] == recorded[::-1]
    assert replayed[90:] == recorded
    assert len(set(recorded)) > 60


# --- Interrupted -----------------------------------------------------------------------------------------------------


def test_a_run_that_was_stopped_is_completed_by_a_later_one_as_of_the_first(world):
    stopped = seed(now=NOW)
    next(stopped)
    stopped.close()
    assert User.objects.count() == 35
    assert Order.objects.count() == 0
    run(TOMORROW)
    assert Order.objects.count() == 400
    assert NOW - timedelta(hours=1) < Order.objects.latest("updated_at").updated_at <= NOW
    open_days = ExchangeRate.objects.filter(valid_until=None).values_list("valid_from__date", flat=True)
    assert set(open_days) == {TOMORROW.date()}


def test_a_database_is_filled_whole_or_not_at_all(world):
    stranger = PaymentFactory(id=demo_id("payment", 0, "paid"))
    before = tables(world)
    with pytest.raises(IntegrityError):
        run()
    assert {name for name in changed(before, tables(world)) if name[0] != "identity"} == set()
    Payment.objects.filter(pk=stranger.pk).delete()
    run()
    assert Order.objects.count() == 401


# --- Refused ---------------------------------------------------------------------------------------------------------


def test_a_database_on_another_machine_refuses_the_run_and_nothing_is_written(world, elsewhere):
    before = tables(world)
    with pytest.raises(CommandError, match=r"web at db\.exchanger\.example.*--force"):
        call_command("seed_demo", stdout=io.StringIO())
    assert changed(before, tables(world)) == set()
    assert before["identity", "users"][0] == 0


def test_force_runs_there_all_the_same(world, elsewhere):
    call_command("seed_demo", "--force", stdout=io.StringIO())
    assert Order.objects.count() == 400


@pytest.mark.parametrize(
    "options",
    [
        {"host": "localhost"},
        {"host": "127.0.0.1"},
        {"host": "::1"},
        {"host": "/run/postgresql"},
        {"host": "127.0.0.1,localhost"},
        {"host": "db.exchanger.example", "hostaddr": "127.0.0.1"},
        {"host": ""},
    ],
    ids=str,
)
def test_sockets_and_loopback_addresses_are_local(monkeypatch, options):
    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.setitem(connections["bot"].settings_dict, "OPTIONS", options)
    require_local_databases()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"host": "postgres"}, "bot at postgres"),
        ({"host": "192.0.2.7"}, "bot at 192.0.2.7"),
        ({"host": "2001:db8::7"}, "bot at 2001:db8::7"),
        ({"host": "localhost,db.exchanger.example"}, "bot at db.exchanger.example"),
        ({"host": "localhost", "hostaddr": "192.0.2.7"}, "bot at 192.0.2.7"),
        ({"host": "localhost.exchanger.example"}, "bot at localhost.exchanger.example"),
        ({"service": "production"}, "bot at service production"),
    ],
    ids=str,
)
def test_every_other_place_is_not_local(monkeypatch, options, named):
    monkeypatch.setitem(connections["bot"].settings_dict, "OPTIONS", options)
    with pytest.raises(DemoRefused, match=named):
        require_local_databases()


def test_what_libpq_takes_from_the_environment_counts_too(monkeypatch):
    monkeypatch.setitem(connections["bot"].settings_dict, "OPTIONS", {})
    monkeypatch.setenv("PGHOST", "db.exchanger.example")
    with pytest.raises(DemoRefused, match=r"bot at db\.exchanger\.example"):
        require_local_databases()


def test_a_process_of_a_context_refuses(as_context, world):
    before = tables(world)
    with as_context("admin"), pytest.raises(CommandError, match="EXCHANGER_CONTEXT"):
        call_command("seed_demo", "--force", stdout=io.StringIO())
    assert changed(before, tables(world)) == set()


def test_an_address_of_somebody_else_refuses_the_run(world):
    UserFactory(email=CLIENT.email)
    before = tables(world)
    with pytest.raises(CommandError, match=CLIENT.email):
        call_command("seed_demo", stdout=io.StringIO())
    assert changed(before, tables(world)) == set()


def test_a_database_that_is_not_migrated_says_so(world):
    world.superuser("identity").execute("ALTER TABLE users RENAME TO users_away")
    try:
        with pytest.raises(CommandError, match=r"manage\.py migrate"):
            call_command("seed_demo", stdout=io.StringIO())
    finally:
        world.superuser("identity").execute("ALTER TABLE users_away RENAME TO users")
    assert Order.objects.count() == 0
