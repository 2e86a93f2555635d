"""Quotes over HTTP: firm offers from either side, to their owner alone, and each refusal under its own name."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connections
from django.test import Client
from django.utils import timezone
from psycopg.errors import RestrictViolation

from exchanger.kernel.money.pairs import Pair
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from identity.tests.guesses import fail
from web.api.limits import QUOTES
from web.models import Quote
from web.services.quotes import KEEP_EXPIRED, QuoteRefused, quote_create, quotes_purge
from web.tests.factories import ExchangeRateFactory, OrderFactory, QuoteFactory

pytestmark = pytest.mark.context("web")
URL = "/api/v1/quotes/"


def bearer(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


@pytest.fixture
def anna():
    return UserFactory()


@pytest.fixture
def client(anna, publish):
    publish()
    return bearer(anna)


def ask(client, **wanted):
    return client.post(URL, {"pair": "usd_uah", "from_amount": "100.00"} | wanted, content_type="application/json")


def test_a_quote_for_an_amount_to_give(client, anna):
    stored = ExchangeRateFactory(rate=Decimal("41.50"))
    answer = ask(client)
    assert answer.status_code == 201, answer.json()
    found = answer.json()
    quote = Quote.objects.get()
    assert found == {
        "id": str(quote.pk),
        "pair": "usd_uah",
        "from_currency": "USD",
        "to_currency": "UAH",
        "from_amount": "100.00",
        "to_amount": "4116.86",
        "rate": "41.29250000",
        "spread": "0.00500000",
        "fee": "12.39",
        "order_id": None,
        "created_at": found["created_at"],
        "expires_at": found["expires_at"],
    }
    assert (quote.user_id, quote.rate_id, quote.cross_rate_id) == (anna.pk, stored.pk, None)
    assert quote.expires_at - quote.created_at == timedelta(minutes=10)


def test_a_quote_for_an_amount_to_get_gives_exactly_that(client):
    ExchangeRateFactory(rate=Decimal("41.50"))
    found = client.post(URL, {"pair": "usd_uah", "to_amount": "4000.00"}, content_type="application/json").json()
    assert found["to_amount"] == "4000.00"
    assert found["from_amount"] == "97.17"  # 4012.04 / 41.2925 = 97.161…
    assert found["fee"] == "12.39"  # 12.04, and what whole cents leave over


def test_a_quote_through_the_base_currency_names_both_rates(client):
    eur, usd = ExchangeRateFactory(from_currency="EUR", rate=50), ExchangeRateFactory(rate=40)
    assert ask(client, pair="EUR/USD").json()["rate"] == "1.24375000"
    quote = Quote.objects.get()
    assert (quote.rate_id, quote.cross_rate_id) == (eur.pk, usd.pk)


def test_a_quote_takes_three_statements_and_no_command_of_redis_but_the_sessions_and_the_limits(
    client, django_assert_num_queries, world
):
    ExchangeRateFactory()
    ask(client)
    with world.redis() as redis:
        redis.config_resetstat()
        with (
            django_assert_num_queries(5, connection=connections["web"]) as done,  # BEGIN and COMMIT among them
            django_assert_num_queries(0, connection=connections["identity"]),
        ):
            ask(client)
        commands = {name: facts["calls"] for name, facts in redis.info("commandstats").items()}
    assert [query["sql"].split()[0] for query in done.captured_queries] == [
        "BEGIN", "SELECT", "SELECT", "INSERT", "COMMIT",
    ]  # fmt: skip
    assert commands["cmdstat_set"] == 2  # session and user
    assert commands["cmdstat_evalsha"] == 1  # the limit, with the commands of its script
    counting = {"cmdstat_evalsha", "cmdstat_pttl", "cmdstat_get", "cmdstat_incr"}
    assert set(commands) <= {"cmdstat_set", *counting, "cmdstat_config|resetstat", "cmdstat_info"}


def test_a_quote_is_by_the_rate_in_postgresql_whatever_the_cache_holds(client, world):
    ExchangeRateFactory(rate=Decimal("41.50"))
    with world.redis() as redis:
        redis.set("cache:web:rates:usd_uah", '{"rate": "1.00000000"}')
    assert ask(client).json()["rate"] == "41.29250000"


def test_a_quote_obeys_a_new_version_at_once(client, publish, world):
    ExchangeRateFactory(rate=Decimal(40))
    assert ask(client).json()["rate"] == "39.80000000"
    world.superuser("web").execute("""UPDATE published_configuration SET document = document || '{"spread": "0.1"}'""")
    assert ask(client).json()["rate"] == "36.00000000"


REFUSALS = [
    ({"pair": "usd_eur"}, 400, "unknown_pair"),
    ({"to_amount": "1.00"}, 400, "one_amount"),
    ({"from_amount": "0.00"}, 400, "amount_not_positive"),
    ({"from_amount": "100.001"}, 400, "amount_too_precise"),
    ({"from_amount": "19.99"}, 400, "amount_too_small"),
    ({"from_amount": "10000.01"}, 400, "amount_too_large"),
    ({"pair": "eur_uah"}, 503, "rate_missing"),
]


@pytest.mark.parametrize(("wanted", "status", "code"), REFUSALS)
def test_each_rule_refuses_under_its_own_name_and_leaves_nothing(client, wanted, status, code):
    ExchangeRateFactory()
    answer = ask(client, **wanted)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"].endswith((".", "for UAH."))
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert not Quote.objects.exists()


def test_limits_hold_from_the_receiving_side_and_are_told(client):
    ExchangeRateFactory(rate=Decimal(40))
    answer = client.post(URL, {"pair": "usd_uah", "to_amount": "700.00"}, content_type="application/json")
    assert answer.json()["code"] == "amount_too_small"
    assert answer.json()["details"] == {
        "currency": "USD", "minimum": "20", "maximum": "10000", "from_amount": "17.65",
    }  # fmt: skip


def test_a_rate_that_is_too_old_is_refused_and_says_how_old(client):
    confirmed = timezone.now() - timedelta(hours=2)
    ExchangeRateFactory(valid_from=confirmed, confirmed_at=confirmed)
    answer = ask(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "rate_stale")
    assert answer.json()["details"] == {"pair": "usd_uah", "confirmed_at": confirmed.isoformat()}
    assert not Quote.objects.exists()


def test_maintenance_refuses_all(client, publish):
    ExchangeRateFactory()
    publish(maintenance_mode=True)
    answer = ask(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "maintenance")
    assert not Quote.objects.exists()


def test_without_a_configuration_nothing_is_on_offer(anna):
    ExchangeRateFactory()
    answer = ask(bearer(anna))
    assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")
    assert not Quote.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"from_amount": 100}, "from_amount"),
        ({"from_amount": "NaN"}, "from_amount"),
        ({"from_amount": "1e3"}, "from_amount"),
        ({"from_amount": "-5"}, "from_amount"),
        ({"from_amount": None}, "from_amount"),
        ({"pair": "usd"}, "pair"),
        ({"pair": 7}, "pair"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_the_field(client, wanted, field):
    ExchangeRateFactory()
    answer = ask(client, **wanted)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["details"]) == [field]
    assert not Quote.objects.exists()


def test_a_rate_that_the_spread_leaves_nothing_of_is_missing(publish):
    publish(pairs=["UAH/BTC"], spread="0.9")
    ExchangeRateFactory(from_currency="UAH", to_currency="BTC", rate=Decimal("0.00000001"))
    with pytest.raises(QuoteRefused) as refused:
        quote_create(user_id=uuid.uuid4(), pair=Pair("UAH", "BTC"), from_amount=Decimal(1000))
    assert refused.value.code == "rate_missing"


def test_an_amount_that_the_tables_cannot_keep_is_too_large(publish):
    publish(pairs=["USD/UAH"])
    ExchangeRateFactory(rate=Decimal(9_999_999_999))
    with pytest.raises(QuoteRefused) as refused:
        quote_create(user_id=uuid.uuid4(), pair=Pair("USD", "UAH"), from_amount=Decimal(100))
    assert refused.value.code == "amount_too_large"


def test_a_client_sees_their_own_quotes_newest_first_and_nobody_elses(client, anna, django_assert_num_queries):
    older = QuoteFactory(user_id=anna.pk, created_at=timezone.now() - timedelta(minutes=1))
    rate = older.rate_id
    newer, foreign = QuoteFactory(user_id=anna.pk, rate_id=rate), QuoteFactory(rate_id=rate)
    client.get(URL)
    with (
        django_assert_num_queries(1, connection=connections["web"]),
        django_assert_num_queries(0, connection=connections["identity"]),
    ):
        answer = client.get(URL)
    assert [quote["id"] for quote in answer.json()["results"]] == [str(newer.pk), str(older.pk)]
    assert client.get(f"{URL}{older.pk}/").json()["id"] == str(older.pk)
    assert client.get(f"{URL}{foreign.pk}/").status_code == 404


def test_who_asks_too_often_is_refused_and_nobody_else(client, anna):
    ExchangeRateFactory()
    fail(QUOTES, str(anna.pk))
    refused = ask(client)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 0 < refused.json()["details"]["retry_after"] == int(refused.headers["Retry-After"]) <= 60
    assert not Quote.objects.exists()
    assert ask(bearer(UserFactory())).status_code == 201


def test_quotes_are_for_clients_with_a_session():
    ExchangeRateFactory()
    assert ask(Client()).status_code == 401
    assert not Quote.objects.exists()


def test_the_web_login_cannot_change_a_quotes_figures():
    quote = QuoteFactory()
    with pytest.raises(ProgrammingError, match="permission denied"):
        Quote.objects.filter(pk=quote.pk).update(to_amount=1_000_000)
    order = OrderFactory()
    assert Quote.objects.filter(pk=quote.pk, order=None).update(order=order) == 1
    quote.refresh_from_db()
    assert (quote.order_id, quote.to_amount) == (order.pk, Decimal("4116.86"))


def test_an_order_takes_one_quote():
    order, first = OrderFactory(), QuoteFactory()
    second = QuoteFactory(rate_id=first.rate_id)
    Quote.objects.filter(pk=first.pk).update(order=order)
    with pytest.raises(IntegrityError):
        Quote.objects.filter(pk=second.pk).update(order=order)


@pytest.mark.parametrize("statement", ["DELETE FROM quotes", "UPDATE quotes SET order_id = NULL"])
def test_a_quote_that_was_taken_stays_as_it_is_whoever_asks(statement, world):
    taken = QuoteFactory(order=OrderFactory())
    free = QuoteFactory(rate_id=taken.rate_id)
    for owner in (connections["web"].cursor(), world.superuser("web")):
        with pytest.raises((IntegrityError, RestrictViolation), match="was taken by order"):
            owner.execute(f"{statement} WHERE id = %s", [taken.pk])
    assert Quote.objects.get(pk=taken.pk).order_id == taken.order_id
    assert Quote.objects.filter(pk=free.pk).delete()[0] == 1


def test_old_unused_quotes_are_purged_and_used_or_recent_ones_kept():
    now = timezone.now()
    long_ago = {"created_at": now - KEEP_EXPIRED * 2, "expires_at": now - KEEP_EXPIRED - timedelta(minutes=1)}
    old = QuoteFactory(**long_ago)
    used = QuoteFactory(**long_ago, order=OrderFactory(), rate_id=old.rate_id)
    recent = QuoteFactory(
        created_at=now - KEEP_EXPIRED, expires_at=now - KEEP_EXPIRED + timedelta(minutes=1), rate_id=old.rate_id
    )
    assert quotes_purge() == 1
    assert set(Quote.objects.values_list("pk", flat=True)) == {used.pk, recent.pk}
    assert quotes_purge() == 0
