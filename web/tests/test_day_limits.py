"""Daily limits, by client and by pair: what counts, what is told, and that no race passes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from exchanger.kernel.money.pairs import Pair
from identity.tests.factories import UserFactory
from web.models import Order, OrderStatus
from web.services.day_limits import COME_TO_NOTHING
from web.services.moves import OrderRefused
from web.services.orders import order_create_now
from web.tests.factories import ExchangeRateFactory, OrderFactory, QuoteFactory
from web.tests.ordering import NOTHING, bearer, order, together, traces

pytestmark = pytest.mark.context("web")
PAIR = Pair("USD", "UAH")
BY_CLIENT = {"client_daily_limits": {"USD": "250"}}
BY_PAIR = {"pair_daily_limits": {"USD/UAH": "250"}}


@pytest.fixture(autouse=True)
def rates():
    ExchangeRateFactory(rate=Decimal("41.50"))
    ExchangeRateFactory(from_currency="EUR", rate=Decimal(50))


def make(user, amount="100.00", pair=PAIR):
    return order_create_now(user=user, pair=pair, from_amount=Decimal(amount))


def refusal(user, *args, **kwargs):
    before = traces()
    with pytest.raises(OrderRefused) as refused:
        make(user, *args, **kwargs)
    assert traces() == before
    return refused.value


def today():
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def test_a_client_gives_no_more_of_a_currency_than_the_limit_and_exactly_that(publish):
    publish(**BY_CLIENT)
    anna, boris = UserFactory(), UserFactory()
    make(anna, "149.99")
    refused = refusal(anna, "100.02")
    assert (refused.code, refused.status) == ("client_limit", 409)
    assert refused.details == {
        "limit": "250",
        "used": "149.99",
        "left": "100.01",
        "currency": "USD",
        "resets_at": (today() + timedelta(days=1)).isoformat(),
    }
    make(anna, "100.01")
    assert refusal(anna, "20.00").details["left"] == "0.00"
    make(boris, "250.00")
    make(anna, "250.00", Pair("EUR", "UAH"))


def test_a_pairs_limit_is_everybodys_together(publish):
    publish(**BY_PAIR)
    make(UserFactory(), "200.00")
    refused = refusal(UserFactory(), "50.01")
    assert (refused.code, refused.details["left"]) == ("pair_limit", "50.00")
    make(UserFactory(), "50.00")
    make(UserFactory(), "250.00", Pair("EUR", "UAH"))


def test_a_quote_can_be_had_above_the_limit_and_not_be_taken(publish):
    publish(**BY_CLIENT)
    anna = UserFactory()
    make(anna, "200.00")
    quote = QuoteFactory(user_id=anna.pk, rate_id=Order.objects.get().quotes.get().rate_id)
    before = traces()
    answer = order(bearer(anna), quote_id=str(quote.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "client_limit")
    assert "order at most 50.00 USD" in answer.json()["message"]
    quote.refresh_from_db()
    assert (quote.order_id, traces()) == (None, before)


def test_a_limit_of_nothing_closes_a_pair(publish):
    publish(pair_daily_limits={"USD/UAH": "0"})
    assert refusal(UserFactory()).code == "pair_limit"
    assert traces() == NOTHING


@pytest.mark.parametrize("limits", [BY_CLIENT, BY_PAIR])
@pytest.mark.parametrize("status", OrderStatus)
def test_which_orders_count(status, limits, publish):
    publish(**limits)
    anna = UserFactory()
    OrderFactory(user_id=anna.pk, status=status, amount=Decimal(250))
    if status in COME_TO_NOTHING:
        make(anna)
    else:
        assert refusal(anna).details["used"] == "250.00"


def test_what_came_to_nothing_is_what_was_cancelled_expired_or_refunded():
    assert set(COME_TO_NOTHING) == {OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUNDED}


@pytest.mark.parametrize("limits", [BY_CLIENT, BY_PAIR])
def test_a_day_is_utcs_from_its_first_moment(limits, publish):
    publish(**limits)
    anna = UserFactory()
    OrderFactory(user_id=anna.pk, amount=Decimal(250), created_at=today() - timedelta(microseconds=1))
    OrderFactory(user_id=anna.pk, amount=Decimal(250), created_at=today() + timedelta(days=1))
    make(anna, "50.00")
    OrderFactory(user_id=anna.pk, amount=Decimal(200), created_at=today())
    assert refusal(anna).details["used"] == "250.00"


@pytest.mark.parametrize("limits", [BY_CLIENT, BY_PAIR, BY_CLIENT | BY_PAIR], ids=["client", "pair", "both"])
def test_racing_orders_never_pass_a_limit_and_fill_it(limits, publish):
    publish(**limits)
    anna = UserFactory()
    results = together([lambda: make(anna, "60.00")] * 32)
    refused = [result for result in results if isinstance(result, Exception)]
    assert {getattr(refusal, "code", refusal) for refusal in refused} <= {"client_limit", "pair_limit"}
    assert (len(results) - len(refused), Order.objects.aggregate(sum=Sum("amount"))["sum"]) == (4, Decimal(240))
    assert traces() == (4, 0, 4, 4, 0, 0, 4)


def test_many_clients_and_pairs_at_once_wait_for_each_other_in_one_order(publish):
    publish(client_daily_limits={"USD": "250", "EUR": "250"}, pair_daily_limits={"USD/UAH": "450", "EUR/UAH": "450"})
    people = [UserFactory() for _ in range(3)]
    pairs = [PAIR, Pair("EUR", "UAH")]
    attempts = [
        lambda user=user, pair=pair: make(user, "60.00", pair) for _ in range(6) for user in people for pair in pairs
    ]
    results = together(attempts)
    refused = [result for result in results if isinstance(result, Exception)]
    assert {getattr(refusal, "code", refusal) for refusal in refused} <= {"client_limit", "pair_limit"}
    for pair in pairs:
        ordered = Order.objects.filter(from_currency=pair.source)
        assert ordered.aggregate(sum=Sum("amount"))["sum"] == Decimal(420)
        assert all(ordered.filter(user_id=user.pk).count() <= 4 for user in people)
