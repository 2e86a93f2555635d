"""The statement as CSV: the same rows as in JSON, streamed, and harmless in a spreadsheet."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from exchanger.kernel import csv_export
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.api.limits import EXPORTS
from web.tests.books import completed, paid

pytestmark = pytest.mark.context("web")

PATH = "/api/v1/transactions/"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def client_of(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


def statement(client, query="", **headers):
    answer = client.get(f"{PATH}?format=csv{query}", headers=headers)
    assert answer.status_code == 200
    return rows(answer)


def rows(answer):
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def many_entries(world, order, count):
    """Entries of the order that nothing but their number is about, one a second."""
    connection = world.superuser("web")
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        "INSERT INTO transactions (order_id, user_id, kind, account, currency, amount, description, created_at)"
        " SELECT %s, %s, 'payment_held', 'client', 'C' || n, n, '', %s + n * interval '1 second'"
        " FROM generate_series(1, %s) n",
        (order.pk, order.user_id, NOON, count),
    )
    connection.execute("RESET session_replication_role")


def describe(world, order, description):
    """The ledger is append-only for everybody but PostgreSQL's superuser without triggers."""
    connection = world.superuser("web")
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE transactions SET description = %s WHERE order_id = %s", (description, order.pk))
    connection.execute("RESET session_replication_role")


@pytest.mark.parametrize("asked", [{"query": "?format=csv"}, {"accept": "text/csv"}])
def test_the_file_holds_what_the_pages_hold(asked):
    anna = UserFactory()
    completed(user_id=anna.pk)
    paid(user_id=anna.pk, brought=130)
    completed()
    client = client_of(anna)
    pages = client.get(PATH).json()["results"]
    answer = client.get(PATH + asked.get("query", ""), headers={"Accept": asked.get("accept", "*/*")})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="transactions-{datetime.now(UTC):%Y-%m-%d}.csv"'
    )
    found = rows(answer)
    assert list(found[0]) == list(pages[0])
    assert found == [{name: "" if value is None else value for name, value in page.items()} for page in pages]
    assert {row["amount"] for row in found} >= {"-100.00000000", "4130.00000000"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [("&currency=uah", {"UAH"}), ("&account=suspense", {"USD"}), ("&created_before=2020-01-01T00:00:00Z", set())],
)
def test_it_is_filtered_as_the_pages_are(query, expected):
    anna = UserFactory()
    completed(user_id=anna.pk)
    paid(user_id=anna.pk, brought=130)
    assert {row["currency"] for row in statement(client_of(anna), query)} == expected


def test_an_empty_statement_is_a_header():
    answer = client_of(UserFactory()).get(f"{PATH}?format=csv")
    assert b"".join(answer.streaming_content) == (
        b"id,order_id,payment_id,kind,account,currency,amount,description,created_at\r\n"
    )


def test_no_more_rows_are_read_than_the_client_has_taken(world, monkeypatch):
    monkeypatch.setattr(csv_export, "CHUNK", 100)
    anna = UserFactory()
    order, _ = paid(user_id=anna.pk)
    many_entries(world, order, 950)
    client = client_of(anna)
    with CaptureQueriesContext(connections["web"]) as queries:
        pieces = iter(client.get(f"{PATH}?format=csv").streaming_content)
        assert len(queries) == 1
        taken = 0
        for number, piece in enumerate(pieces):  # the header, then a piece for each chunk
            taken += piece.count(b"\r\n")
            assert len(queries) == max(number, 1)
            assert taken <= 1 + 100 * number
    assert taken == 1 + 951
    assert len(queries) == 10


def test_the_pieces_join_without_loss_or_repetition_while_others_are_written(world, monkeypatch):
    monkeypatch.setattr(csv_export, "CHUNK", 7)
    anna = UserFactory()
    order, _ = paid(user_id=anna.pk)
    many_entries(world, order, 30)
    pieces = iter(client_of(anna).get(f"{PATH}?format=csv").streaming_content)
    text = next(pieces) + next(pieces)
    completed(user_id=anna.pk)
    text += b"".join(pieces)
    found = list(csv.DictReader(io.StringIO(text.decode())))
    assert len(found) == len({row["id"] for row in found}) == 31


def test_no_cell_is_a_formula(world):
    anna = UserFactory()
    for description in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=x", 'a,"b"\nc', "plain"):
        order, _ = paid(user_id=anna.pk)
        describe(world, order, description)
    texts = {row["description"] for row in statement(client_of(anna))}
    assert texts == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\r=x", 'a,"b"\nc', "plain"}


def test_a_file_that_is_cut_says_so(world, monkeypatch):
    monkeypatch.setattr(csv_export, "CHUNK", 7)
    anna = UserFactory()
    order, _ = paid(user_id=anna.pk)
    many_entries(world, order, 30)
    pieces = iter(client_of(anna).get(f"{PATH}?format=csv").streaming_content)
    text = next(pieces) + next(pieces)
    world.superuser("web").execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'exchanger_web'"
    )
    text += b"".join(pieces)
    connections["web"].close()
    lines = text.decode().splitlines()
    assert len(lines) == 1 + 7 + 1
    assert lines[-1] == csv_export.INCOMPLETE


@pytest.mark.parametrize(
    ("query", "status"), [("&order=1", 400), ("&kind=gift", 400), ("&page_size=0", 400), ("&currency=", 400)]
)
def test_a_refusal_is_json_in_the_one_shape(query, status):
    answer = client_of(UserFactory()).get(f"{PATH}?format=csv{query}", headers={"Accept": "text/csv"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"code", "message", "details"}


def test_nobody_gets_one_without_a_session():
    answer = Client().get(f"{PATH}?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_person_gets_so_many_a_minute_and_others_are_not_held_up(django_assert_num_queries):
    anna = client_of(UserFactory())
    for _ in range(EXPORTS.free):
        assert anna.get(f"{PATH}?format=csv").status_code == 200
    with django_assert_num_queries(0, connection=connections["web"]):
        answer = anna.get(f"{PATH}?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert anna.get(PATH).status_code == 200
    assert client_of(UserFactory()).get(f"{PATH}?format=csv").status_code == 200


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("-0.00000001"), "-0.00000001"),
        (Decimal("1E+3"), "1000"),
        (NOON + timedelta(microseconds=5), "2026-03-02T12:00:00.000005Z"),
        (None, ""),
        ("", ""),
    ],
)
def test_a_cell_is_plain(value, shown):
    assert csv_export.cell(value) == shown
