"""What the demo data promise, read from databases that were filled once for all tests here."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db.models import Count, Sum
from psycopg.rows import tuple_row

from admin_panel.deliveries import Delivery, delivery_of
from admin_panel.models import AdminSetting, AuditLog, AuditOutcome, Configuration, Report, SystemMetric
from bot.models import BotState, Broadcast, Conversation, Message, Notification, UserCommand
from bot.models import PublishedConfiguration as BotPublished
from exchanger.demo import audit, chats, conversations, events, ledger, metrics, payments
from exchanger.demo.accounts import ACCOUNTS, CLIENT, OPERATOR, PASSWORD, VIEWER
from exchanger.demo.market import KYIV
from exchanger.demo.plan import make_plan
from exchanger.demo.seed import seed
from exchanger.demo.users import VIEW_PERMISSIONS
from exchanger.kernel.contexts import Context
from exchanger.kernel.money.currencies import currency
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.money.rounding import round_received
from exchanger.testing.servers import TestServers
from identity.models import SUPERUSER, User, UserPermission, UserProfile
from web.configuration import read_configuration
from web.derivation import derive
from web.models import (
    Account,
    AnalyticsEvent,
    ExchangeRate,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    PublishedConfiguration,
    Quote,
    Transaction,
)
from web.pricing import client_rate
from web.verification import ledger_verify

NOW = datetime(2027, 3, 17, 9, 41, 7, 123456, tzinfo=UTC)
ANCHORS = [
    NOW,
    datetime(2026, 11, 1, 0, 0, tzinfo=UTC),  # the first second of a Sunday
    datetime(2027, 1, 1, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 3, 28, 1, 0, tzinfo=UTC),  # Kyiv's clocks leap
]
DOCUMENTATION = [ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
NEVER_PAID = {OrderStatus.PENDING, OrderStatus.CANCELLED, OrderStatus.EXPIRED}


@pytest.fixture(scope="module")
def demo(servers: TestServers, binding: Any, django_db_blocker: Any) -> Iterator[TestServers]:
    with django_db_blocker.unblock():
        for _ in seed(now=NOW):
            pass
        yield servers
        servers.empty()


def rows(demo: TestServers, alias: str, query: str) -> list[tuple[Any, ...]]:
    return demo.superuser(alias).cursor(row_factory=tuple_row).execute(query.encode()).fetchall()


# --- People ----------------------------------------------------------------------------------------------------------


def test_everybody_has_a_profile_and_the_languages_are_mixed(demo):
    assert User.objects.count() == UserProfile.objects.count() == 35
    languages = Counter(UserProfile.objects.values_list("language", flat=True))
    assert set(languages) == {"en", "uk", "ru"}
    assert min(languages.values()) >= 5
    assert UserProfile.objects.values("time_zone").distinct().count() >= 4
    assert len(set(UserProfile.objects.values_list("phone", flat=True))) == 35
    assert not User.objects.exclude(email__endswith=".example").exists()


def test_people_joined_before_they_ordered(demo):
    joined = dict(User.objects.values_list("pk", "created_at"))
    assert all(order.created_at > joined[order.user_id] for order in Order.objects.all())
    assert all(user.updated_at == user.created_at for user in User.objects.all())


def test_only_the_named_accounts_can_be_opened_and_with_the_one_password(demo):
    users = {user.email: user for user in User.objects.all()}
    named = {account.email for account in ACCOUNTS}
    assert named < set(users)
    assert all(users[account.email].check_password(account.password) for account in ACCOUNTS)
    assert {email for email, user in users.items() if user.has_usable_password()} == named


@pytest.mark.parametrize(("account", "superuser"), [(OPERATOR, True), (VIEWER, False)])
def test_staff_log_in_through_the_admin_context(demo, binding, account, superuser):
    with binding.bound(Context.ADMIN):
        user = authenticate(username=account.email, password=account.password)
        assert user is not None
        assert user.is_staff
        assert user.is_superuser is superuser
        assert user.has_perm("web.view_order")
        assert user.has_perm("web.change_order") is superuser


def test_a_client_logs_in_to_the_web_and_has_nothing_in_the_admin_context(demo, binding):
    with binding.bound(Context.WEB):
        assert authenticate(username=CLIENT.email, password=PASSWORD) is not None
        assert authenticate(username=CLIENT.email, password=PASSWORD + "x") is None
    with binding.bound(Context.ADMIN):
        user = authenticate(username=CLIENT.email, password=PASSWORD)
        assert user is not None
        assert not user.is_staff
        assert not user.is_superuser
        assert user.granted == frozenset()


def test_permissions_are_the_staffs_alone_and_name_what_exists(demo):
    granted = set(UserPermission.objects.values_list("user__email", "application_context", "permission"))
    assert granted == {
        (OPERATOR.email, "admin", SUPERUSER),
        *((VIEWER.email, "admin", permission) for permission in VIEW_PERMISSIONS),
    }
    known = {f"{model._meta.app_label}.view_{model._meta.model_name}" for model in apps.get_models()}
    assert set(VIEW_PERMISSIONS) <= known


# --- Orders ----------------------------------------------------------------------------------------------------------


def test_orders_are_several_hundred_in_every_status_and_most_are_completed(demo):
    found = Counter(Order.objects.values_list("status", flat=True))
    assert set(found) == set(OrderStatus.values)
    assert 350 <= found.total() <= 450
    assert 0.65 < found[OrderStatus.COMPLETED] / found.total() < 0.85
    assert min(found.values()) >= 4


def test_orders_lie_in_the_last_ninety_days_and_their_times_are_in_order(demo):
    for order in Order.objects.all():
        assert NOW - timedelta(days=90, seconds=1) <= order.created_at <= order.updated_at <= NOW
    assert Order.objects.filter(status="pending", created_at__lt=NOW - timedelta(minutes=30)).count() == 0
    weeks = Counter((NOW - order.created_at).days // 7 for order in Order.objects.all())
    assert all(weeks[week] >= 10 for week in range(12))


def test_more_is_ordered_by_day_than_by_night_and_on_working_days_than_at_weekends(demo):
    local = [created.astimezone(KYIV) for created in Order.objects.values_list("created_at", flat=True)]
    by_day = [moment for moment in local if 8 <= moment.hour < 20]
    at_weekends = [moment for moment in local if moment.weekday() >= 5]
    assert len(by_day) / len(local) > 0.75
    assert 0.08 < len(at_weekends) / len(local) < 0.25


def test_amounts_are_whole_minor_units_within_the_configured_limits(demo):
    limits = Configuration.objects.get(application_context="web", version=2).document["limits"]
    for order in Order.objects.all():
        assert order.amount == round(order.amount, currency(order.from_currency).places)
        limit = limits[order.from_currency]
        assert Decimal(limit["min"]) <= order.amount <= Decimal(limit["max"])
    ledger_entries = Transaction.objects.all()
    assert all(entry.amount == round(entry.amount, currency(entry.currency).places) for entry in ledger_entries)


def test_an_order_has_the_rate_in_force_that_day_less_the_spread_in_force(demo):
    stored: dict[Any, dict[Pair, ExchangeRate]] = {}
    for rate in ExchangeRate.objects.all():
        stored.setdefault(rate.valid_from.date(), {})[rate.pair] = rate
    lowered_at = Configuration.objects.get(application_context="web", version=2).published_at
    spreads = {
        row.version: Decimal(row.document["spread"]) for row in Configuration.objects.filter(application_context="web")
    }
    for order in Order.objects.all():
        market = derive(Pair(order.from_currency, order.to_currency), "UAH", stored[order.created_at.date()])
        assert market is not None
        spread = spreads[2 if order.created_at >= lowered_at else 1]
        assert order.exchange_rate == client_rate(market.rate, spread)


def test_every_order_took_a_quote_that_follows_from_the_stored_rates_of_its_day(demo):
    stored = {rate.pk: rate for rate in ExchangeRate.objects.all()}
    quotes = {quote.order_id: quote for quote in Quote.objects.all()}
    assert set(quotes) == set(Order.objects.values_list("pk", flat=True))
    for order in Order.objects.all():
        quote = quotes[order.pk]
        legs = [stored[rate] for rate in (quote.rate_id, quote.cross_rate_id) if rate is not None]
        assert [leg.from_currency for leg in legs] == [code for code in quote.pair if code != "UAH"]
        assert {leg.valid_from.date() for leg in legs} == {order.created_at.date()}
        assert (quote.from_amount, quote.rate, quote.expires_at) == (
            order.amount,
            order.exchange_rate,
            order.expires_at,
        )
        assert quote.to_amount + quote.fee == round_received(order.amount * quote.rate, currency(order.to_currency))
    assert [*ledger_verify()][-1] == Order.objects.count()


# --- Payments and the ledger -----------------------------------------------------------------------------------------


def test_payments_fit_the_status_of_their_order(demo):
    allowed = {
        OrderStatus.PENDING: {PaymentStatus.PENDING},
        OrderStatus.PAID: {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED},
        OrderStatus.PROCESSING: {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED},
        OrderStatus.COMPLETED: {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED},
        OrderStatus.CANCELLED: {PaymentStatus.CANCELLED},
        OrderStatus.EXPIRED: {PaymentStatus.CANCELLED},
        OrderStatus.FAILED: {PaymentStatus.FAILED, PaymentStatus.SUCCEEDED},
        OrderStatus.REFUNDED: {PaymentStatus.REFUNDED, PaymentStatus.FAILED},
    }
    kept: Counter[Any] = Counter()
    for payment in Payment.objects.select_related("order"):
        order = payment.order
        assert payment.status in allowed[OrderStatus(order.status)]
        assert (payment.user_id, payment.amount) == (order.user_id, order.amount)
        assert order.created_at <= payment.created_at <= order.updated_at or order.status == OrderStatus.PENDING
        assert payment.created_at <= NOW
        kept[order.pk] += payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED}
    for order in Order.objects.exclude(status__in=NEVER_PAID | {OrderStatus.FAILED}):
        assert kept[order.pk] == 1
    assert {status for (status,) in Payment.objects.values_list("status").distinct()} == set(PaymentStatus.values)


def test_the_ledger_sums_to_zero_per_order_and_currency(demo):
    sums = Transaction.objects.values("order", "currency").annotate(balance=Sum("amount"), entries=Count("pk"))
    assert len(sums) > 500
    assert [row for row in sums if row["balance"] != 0 or row["entries"] < 2] == []


def test_each_order_has_the_entries_that_its_status_asks_for(demo):
    entries: dict[Any, Counter[tuple[str, str]]] = {order.pk: Counter() for order in Order.objects.all()}
    for entry in Transaction.objects.all():
        entries[entry.order_id][entry.account, entry.currency] += entry.amount
    suspense = 0
    for order in Order.objects.all():
        balances, paid_in = entries[order.pk], order.from_currency
        match order.status:
            case OrderStatus.PAID | OrderStatus.PROCESSING:
                assert balances == {(Account.CLIENT, paid_in): -order.amount, (Account.HOUSE, paid_in): order.amount}
            case OrderStatus.COMPLETED:
                assert balances[Account.CLIENT, paid_in] == -order.amount
                gross = -balances[Account.HOUSE, order.to_currency]
                fee = balances[Account.FEES, order.to_currency]
                assert gross == round_received(order.amount * order.exchange_rate, currency(order.to_currency))
                assert 0 < fee < gross / 100
                assert balances[Account.CLIENT, order.to_currency] == gross - fee
            case OrderStatus.REFUNDED:
                assert len(balances) == 2
                assert set(balances.values()) == {0}
            case OrderStatus.FAILED if balances:
                suspense += 1
                assert balances[Account.SUSPENSE, paid_in] == order.amount == -balances[Account.CLIENT, paid_in]
                assert balances[Account.HOUSE, paid_in] == 0
            case _:
                assert not balances
    assert 0 < suspense < Order.objects.filter(status=OrderStatus.FAILED).count()


# --- Rates -----------------------------------------------------------------------------------------------------------


def test_rates_have_neither_gap_nor_overlap_and_one_open_period_per_pair(demo):
    found = rows(
        demo,
        "web",
        "SELECT from_currency || '/' || to_currency AS pair, count(*), min(valid_from), max(valid_from),"
        " count(*) FILTER (WHERE valid_until IS NULL),"
        " count(*) FILTER (WHERE valid_until IS DISTINCT FROM following)"
        " FROM (SELECT *, lead(valid_from) OVER (PARTITION BY from_currency, to_currency ORDER BY valid_from)"
        " AS following FROM exchange_rates) AS periods GROUP BY pair ORDER BY pair",
    )
    today = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    expected = (91, today - timedelta(days=90), today, 1, 0)
    assert {pair: facts for pair, *facts in found if tuple(facts) != expected} == {}
    pairs = {pair for pair, *_ in found}
    assert pairs == {"BTC/UAH", "EUR/UAH", "GBP/UAH", "PLN/UAH", "USD/UAH", "USDT/UAH"}
    offered = set(PublishedConfiguration.objects.get().document["pairs"])
    assert len(offered) == 14
    assert {"USD/UAH", "UAH/USD", "BTC/USDT"} < offered
    assert not {"UAH/BTC", "USDT/BTC"} & offered


def test_every_pair_on_offer_has_a_rate_of_six_significant_digits_or_more(demo):
    configuration = read_configuration()
    stored = {rate.pair: rate for rate in ExchangeRate.objects.filter(valid_until=None)}
    found = [derive(pair, configuration.base_currency, stored) for pair in configuration.pairs]
    rates = [derived.rate for derived in found if derived is not None]
    assert len(rates) == len(configuration.pairs)
    assert min(len(str(int(rate.scaleb(8)))) for rate in rates) >= 6


# --- Traces ----------------------------------------------------------------------------------------------------------


def test_an_analytics_event_tells_each_step_of_each_order(demo):
    last = {}
    for event in AnalyticsEvent.objects.order_by("created_at"):
        order_id = event.event_data["order_id"]
        assert event.event_data["from_status"] == last.get(order_id)
        last[order_id] = event.event_data["to_status"]
    assert last == {str(order.pk): order.status for order in Order.objects.all()}
    types = set(AnalyticsEvent.objects.values_list("event_type", flat=True))
    assert types == {"order.created", *(f"order.{status}" for status in OrderStatus.values if status != "pending")}


def test_the_audit_trail_accounts_for_every_order_that_an_operator_handled(demo):
    trail: dict[str | None, str] = {}
    for row in AuditLog.objects.filter(resource_type="order").order_by("created_at"):
        assert row.old_values["status"] == trail.get(row.resource_id, "paid")
        trail[row.resource_id] = row.new_values["status"]
    handled = Order.objects.filter(status__in=["processing", "completed", "refunded"])
    assert {str(order.pk): order.status for order in handled}.items() <= trail.items()
    assert not trail.keys() & {str(order.pk) for order in Order.objects.filter(status__in=[*NEVER_PAID, "paid"])}


def test_the_audit_trail_says_who_from_where_and_what_changed(demo):
    staff = set(User.objects.filter(email__in=[OPERATOR.email, VIEWER.email]).values_list("pk", flat=True))
    actions = Counter()
    for row in AuditLog.objects.all():
        actions[row.action] += 1
        assert row.admin_id in staff
        assert any(ip_address(row.ip_address) in network for network in DOCUMENTATION)
        assert row.user_agent.startswith("Mozilla/5.0")
        assert NOW - timedelta(days=100) < row.created_at <= NOW
        assert row.old_values != row.new_values
    assert {"rate.publish", "order.confirm", "order.refund", "user.permission.grant", "setting.set"} < set(actions)
    assert all(re.fullmatch(r"[a-z]+(\.[a-z_]+)+", action) for action in actions)
    assert actions["user.permission.grant"] == len(VIEW_PERMISSIONS) + actions["user.permission.revoke"]


def test_every_entry_of_the_audit_trail_has_ended_and_is_in_the_chain(demo):
    ended = Counter(AuditOutcome.objects.values_list("outcome", flat=True))
    assert ended.total() == AuditLog.objects.count()
    assert ended["denied"] == AuditLog.objects.filter(action="access.denied").count() > 0
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    assert f"is whole: {2 * ended.total():,} links" in out.getvalue()


def test_a_published_rate_in_the_audit_trail_is_the_one_in_force(demo):
    published = AuditLog.objects.filter(action="rate.publish")
    assert published.count() > 80
    rates = {str(rate.pk): rate for rate in ExchangeRate.objects.all()}
    for row in published:
        rate = rates[row.resource_id]
        assert Decimal(row.new_values["rate"]) == rate.rate
        assert row.created_at < rate.valid_from


def test_metrics_agree_with_the_orders(demo):
    daily = SystemMetric.objects.filter(metric_name="orders.created", tags__period="day")
    assert daily.count() == 90
    for metric in daily:
        day = (metric.recorded_at - timedelta(days=1), metric.recorded_at)
        assert metric.metric_value == Order.objects.filter(created_at__gte=day[0], created_at__lt=day[1]).count()
    hourly = SystemMetric.objects.filter(metric_name="orders.completed", tags__period="hour")
    assert hourly.count() == 48
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    completed = Order.objects.filter(
        status="completed", updated_at__gte=hour - timedelta(hours=48), updated_at__lt=hour
    )
    assert sum(metric.metric_value for metric in hourly) == completed.count() > 0
    assert not SystemMetric.objects.filter(recorded_at__gt=NOW).exists()


def test_turnover_is_what_the_completed_orders_of_hryvnias_came_to_at_least(demo):
    daily = SystemMetric.objects.filter(metric_name="turnover.uah", tags__period="day")
    for metric in daily:
        completed = Order.objects.filter(
            status="completed",
            updated_at__gte=metric.recorded_at - timedelta(days=1),
            updated_at__lt=metric.recorded_at,
        )
        in_hryvnia = sum(order.amount for order in completed if order.from_currency == "UAH")
        assert metric.metric_value >= in_hryvnia
        if all(order.from_currency == "UAH" for order in completed):
            assert metric.metric_value == in_hryvnia
    sessions = SystemMetric.objects.filter(metric_name="sessions.active", tags__period="hour")
    assert Counter(row.tags["context"] for row in sessions) == {"web": 48, "admin": 48, "telegram": 48}


def test_settings_reports_and_two_versions_of_each_configuration_are_the_operators(demo):
    operator = User.objects.get(email=OPERATOR.email).pk
    assert Report.objects.filter(generated_by=operator, generated_at__lt=NOW).count() == 6
    assert AdminSetting.objects.filter(updated_by=operator, updated_at__lt=NOW).count() == 1
    versions = Configuration.objects.filter(created_by=operator).order_by("application_context", "version")
    assert [(row.application_context, row.version) for row in versions] == [
        ("telegram", 1),
        ("telegram", 2),
        ("web", 1),
        ("web", 2),
    ]
    for first, second in (versions[0:2], versions[2:4]):
        assert first.created_at < first.published_at < second.created_at < second.published_at < NOW
        assert first.document != second.document
    for row, last in ((BotPublished.objects.get(), versions[1]), (PublishedConfiguration.objects.get(), versions[3])):
        assert (row.version, row.document, row.published_at) == (2, last.document, last.published_at)


# --- Conversations ---------------------------------------------------------------------------------------------------


def test_linked_conversations_are_those_of_the_profiles_and_there_are_strangers(demo):
    profiles = dict(UserProfile.objects.exclude(telegram_user_id=None).values_list("telegram_user_id", "user_id"))
    linked = dict(Conversation.objects.exclude(user_id=None).values_list("telegram_user_id", "user_id"))
    assert linked == profiles
    assert len(linked) >= 10
    strangers = Conversation.objects.filter(user_id=None)
    assert strangers.count() >= 5
    assert not set(strangers.values_list("telegram_user_id", flat=True)) & set(linked)
    assert Conversation.objects.exclude(state="idle").count() == 1


def test_every_conversation_goes_both_ways_and_is_numbered_in_order(demo):
    for conversation in Conversation.objects.all():
        messages = list(Message.objects.filter(conversation=conversation).order_by("message_id"))
        assert {message.content["direction"] for message in messages} == {"in", "out"}
        times = [message.sent_at for message in messages]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (conversation.created_at, conversation.updated_at)
        assert times[-1] <= NOW
    typed = Message.objects.filter(content__direction="in", content__text__startswith="/")
    assert UserCommand.objects.count() == typed.count() > 100


def test_notifications_are_sent_and_unsent_and_tell_of_ones_own_order(demo):
    of_orders = Notification.objects.filter(broadcast=None)
    waiting = of_orders.filter(sent=False)
    assert waiting.count() >= 2
    assert all(row.sent_at is None and row.created_at > NOW - timedelta(minutes=10) for row in waiting)
    sent = of_orders.filter(sent=True)
    assert sent.count() > 200
    owners = {str(order.pk)[:8]: order.user_id for order in Order.objects.all()}
    for row in of_orders:
        named = re.search(r"#([0-9a-f]{8})", row.message)
        assert named is not None
        assert owners[named[1]] == row.user_id
    assert BotState.objects.count() == 2


def test_what_was_sent_is_in_its_conversation(demo):
    told = set(Message.objects.filter(content__direction="out").values_list("content__text", "sent_at"))
    sent = Notification.objects.filter(sent=True)
    for row in sent:
        assert row.created_at <= row.sent_at <= NOW
        assert (row.message, row.sent_at) in told
    blocked = Conversation.objects.get(blocked_at__isnull=False)
    assert not Message.objects.filter(conversation=blocked, sent_at__gt=blocked.blocked_at).exists()


def test_notifications_are_in_every_state_that_stays(demo):
    rows = Notification.objects.select_related("broadcast")
    found = Counter(delivery_of(row, NOW) for row in rows)
    assert set(found) == {
        Delivery.WAITING,
        Delivery.RETRYING,
        Delivery.HELD,
        Delivery.SENT,
        Delivery.DEAD,
    }


def test_broadcasts_are_done_paused_and_drafts_and_their_figures_are_true(demo):
    assert {broadcast.status for broadcast in Broadcast.objects.all()} == {"done", "paused", "draft"}
    for broadcast in Broadcast.objects.all():
        made = Notification.objects.filter(broadcast=broadcast)
        assert broadcast.queued == made.count()
        assert (
            (broadcast.total, broadcast.started_at) == (None, None)
            if broadcast.status == "draft"
            else (
                broadcast.queued,
                broadcast.started_at,
            )
        )
        if broadcast.status == "done":
            assert made.filter(sent=True).count() == broadcast.total > 5


# --- Whenever it is made ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anchor", ANCHORS, ids=str)
def test_the_promises_hold_at_any_hour(anchor):
    plan = make_plan(anchor)
    statuses = Counter(story.order.status for story in plan.stories)
    assert set(statuses) == set(OrderStatus.values)
    assert statuses.total() == 400
    assert all(
        anchor - timedelta(days=90) <= story.steps[0].at <= story.steps[-1].at <= anchor for story in plan.stories
    )
    assert all(payment.created_at <= anchor for payment in payments.payments(plan))
    made = chats.make_chats(plan)
    assert max(said.at for chat in made for said in chat.said) <= anchor
    assert sum(news.sent_at is None for chat in made for news in chat.news) >= 2


@pytest.mark.parametrize("anchor", ANCHORS, ids=str)
def test_the_same_moment_makes_the_same_rows(anchor):
    def made() -> list[dict[str, Any]]:
        plan = make_plan(anchor)
        told = chats.make_chats(plan)
        found = [
            *(story.order for story in plan.stories),
            *payments.payments(plan),
            *ledger.transactions(plan),
            *events.analytics_events(plan),
            *audit.audit_logs(plan),
            *metrics.system_metrics(plan),
            *conversations.messages(told),
            *conversations.notifications(told),
        ]
        return [{name: value for name, value in vars(row).items() if name != "_state"} for row in found]

    first = made()
    assert len(first) > 5000
    assert first == made()
    assert len({row["id"] for row in first}) == len(first)
