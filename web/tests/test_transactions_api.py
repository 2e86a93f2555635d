"""A client's own movements and balances, over HTTP."""

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.adapter import WebAdapter
from web.tests.books import completed, every_ending, paid

pytestmark = pytest.mark.context("web")


def bearer(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


def shown(answer):
    return [(entry["kind"], entry["account"], entry["amount"], entry["currency"]) for entry in answer["results"]]


def test_a_client_sees_the_movements_of_their_own_money_and_nobody_elses():
    anna = UserFactory()
    order = completed(user_id=anna.pk)
    completed()
    answer = bearer(anna).get("/api/v1/transactions/").json()
    assert shown(answer) == [
        ("order_completed", "client", "4130.00000000", "UAH"),
        ("payment_received", "client", "-100.00000000", "USD"),
    ]
    assert {entry["order_id"] for entry in answer["results"]} == {str(order.pk)}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("currency=uah", {"UAH"}),
        ("account=suspense", {"suspense"}),
        ("kind=payment_received&kind=payment_held", {"payment_received"}),
        ("created_before=2020-01-01T00:00:00Z", set()),
        ("order={order}", {"100"}),
    ],
)
def test_movements_are_filtered(query, found):
    anna = UserFactory()
    over, _ = paid(user_id=anna.pk, brought=130)
    completed(user_id=anna.pk)
    answer = bearer(anna).get(f"/api/v1/transactions/?{query.format(order=over.pk)}").json()
    if query.startswith("order"):
        assert {entry["order_id"] for entry in answer["results"]} == {str(over.pk)}
        return
    values = {value for entry in shown(answer) for value in entry}
    assert found <= values
    assert bool(answer["results"]) == bool(found)


@pytest.mark.parametrize(
    "address",
    ["orders/?status=paid&status=expired", "payments/?status=failed", "transactions/?kind=payment_held&format=csv"],
)
def test_a_filter_has_postgresql_walk_no_further_than_the_page(address):
    """A DISTINCT would have it sort all that passes the filter first, for each page anew."""
    client = bearer(UserFactory())
    with CaptureQueriesContext(connections["web"]) as queries:
        assert client.get(f"/api/v1/{address}").status_code == 200
    assert len(queries) > 0
    assert not [query for query in queries if "DISTINCT" in query["sql"]]


@pytest.mark.parametrize("query", ["account=house", "kind=gift", "order=1", "created_after=soon", "currency=%00"])
def test_a_bad_filter_is_a_400_that_names_the_field(query):
    answer = bearer(UserFactory()).get(f"/api/v1/transactions/?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [query.split("=")[0]]


def test_movements_page_by_position(django_assert_num_queries):
    anna = UserFactory()
    for _ in range(4):
        completed(user_id=anna.pk)
    client, seen, address = bearer(anna), [], "/api/v1/transactions/?page_size=3"
    client.get(address)
    while address:
        with django_assert_num_queries(1, connection=connections["web"]):
            page = client.get(address).json()
        seen += [entry["id"] for entry in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 8


def test_balances_are_what_the_movements_come_to():
    anna = UserFactory()
    completed(user_id=anna.pk)
    paid(user_id=anna.pk, brought=130)
    completed()
    assert bearer(anna).get("/api/v1/balances/").json() == [
        {"account": "client", "currency": "UAH", "amount": "4130.00000000"},
        {"account": "client", "currency": "USD", "amount": "-230.00000000"},
        {"account": "suspense", "currency": "USD", "amount": "30.00000000"},
    ]


def test_all_accounts_together_come_to_nothing_in_each_currency():
    every_ending()
    balances = WebAdapter().find_account_balances()
    assert {balance.account for balance in balances} == {"client", "house", "fees", "suspense"}
    for currency in ("USD", "UAH"):
        assert sum(balance.amount for balance in balances if balance.currency == currency) == 0


@pytest.mark.parametrize("path", ["transactions", "balances"])
def test_they_are_for_clients_with_a_session_and_for_reading_only(path):
    assert Client().get(f"/api/v1/{path}/").status_code == 401
    assert bearer(UserFactory()).post(f"/api/v1/{path}/").status_code == 405
