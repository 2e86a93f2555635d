"""Pages by position: whole, without gaps or repeats, however many rows share a moment."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from admin_panel.models import AdminSetting, AuditLog
from admin_panel.tests.factories import AdminSettingFactory, AuditLogFactory
from exchanger.kernel.cache.codec import encode
from exchanger.kernel.pagination import KeysetPagination

pytestmark = pytest.mark.context("admin")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADDRESS = "http://localhost/api/v1/audit-logs/"


class View:
    def __init__(self, *ordering):
        self.ordering = ordering


def page(address=f"{ADDRESS}?page_size=7", rows=None, view=None):
    """The page's rows, and the links to the next and the previous one."""
    paginator = KeysetPagination()
    request = Request(APIRequestFactory(SERVER_NAME="localhost").get(address))
    rows = AuditLog.objects.all() if rows is None else rows
    found = paginator.paginate_queryset(rows, request, view or View("-created_at", "-id"))
    answer = paginator.get_paginated_response(found).data
    return answer["results"], answer["next"], answer["previous"]


def walk(address, link):
    pages = []
    while address:
        found = page(address)
        pages.append(found[0])
        address = found[link]
    return pages


def token(*parts):
    return urlsafe_b64encode(encode(list(parts))).decode()


@pytest.fixture
def logs():
    """Thirty rows of one moment, as a batch writes them, between one before and one after."""
    same = [AuditLogFactory(created_at=NOON) for _ in range(30)]
    before, after = (AuditLogFactory(created_at=NOON.replace(hour=hour)) for hour in (11, 13))
    return [after, *sorted(same, key=lambda log: log.pk, reverse=True), before]


def test_forward_and_back_every_row_comes_once_and_in_order(logs):
    forward = walk(f"{ADDRESS}?page_size=7", 1)
    assert [len(rows) for rows in forward] == [7, 7, 7, 7, 4]
    assert [row for rows in forward for row in rows] == logs
    _, _, last = page(page(f"{ADDRESS}?page_size=28")[1])
    back = walk(last.replace("page_size=28", "page_size=7"), 2)
    assert [row for rows in reversed(back) for row in rows] == logs[:28]


def test_the_way_back_from_a_page_is_the_page_before_it(logs):
    first, following, previous = page()
    assert previous is None
    second, further, back = page(following)
    assert page(back)[0] == first
    assert page(page(back)[1])[0] == second
    assert page(page(further)[2])[0] == second


def test_a_row_that_comes_meanwhile_moves_no_page(logs):
    _, following, _ = page()
    AuditLogFactory(created_at=NOON.replace(hour=14))
    assert page(following)[0] == logs[7:14]


def test_filters_and_size_stay_in_the_links(logs):
    _, following, _ = page(f"{ADDRESS}?action=rate.publish&page_size=3")
    assert "action=rate.publish" in following
    assert "page_size=3" in following
    assert len(page(f"{ADDRESS}?page_size=200")[0]) == 32


def test_an_ascending_order_of_text_and_rows_as_dictionaries():
    for key in ("c", "a", "b"):
        AdminSettingFactory(key=key)
    rows, view = AdminSetting.objects.values("key"), View("key")
    first, following, _ = page(f"{ADDRESS}?page_size=2", rows, view)
    assert first == [{"key": "a"}, {"key": "b"}]
    assert page(following, rows, view)[0] == [{"key": "c"}]


def test_nothing_is_a_page_too():
    assert page() == ([], None, None)
    assert page(f"{ADDRESS}?cursor={token(False, NOON, '1f0c0d0e-0000-4000-8000-000000000000')}") == ([], None, None)


def test_a_page_is_one_statement_and_compares_whole_positions(logs, django_assert_num_queries):
    _, following, _ = page()
    with django_assert_num_queries(1, connection=connections["admin"]) as sent:
        page(following)
    assert 'ROW("audit_logs"."created_at", "audit_logs"."id") < (ROW(' in sent[0]["sql"]


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "é",
        "\x00",
        token(),
        token(False),
        token(False, NOON),
        token(False, NOON, "not-an-id"),
        token(False, "yesterday", "1f0c0d0e-0000-4000-8000-000000000000"),
        token(False, "2026-05-01T12:00:00", "1f0c0d0e-0000-4000-8000-000000000000"),
        token(False, NOON, ["1f0c0d0e-0000-4000-8000-000000000000"]),
        token(False, NOON, None),
        token(False, NOON, "1f0c0d0e-0000-4000-8000-000000000000", 1),
        urlsafe_b64encode(b'{"a": 1}').decode(),
        urlsafe_b64encode(b"7").decode(),
    ],
)
def test_a_forged_cursor_finds_nothing(logs, cursor):
    request = APIRequestFactory(SERVER_NAME="localhost").get(ADDRESS, {"cursor": cursor})
    with pytest.raises(NotFound):
        KeysetPagination().paginate_queryset(AuditLog.objects.all(), Request(request), View("-created_at", "-id"))


def test_a_nul_in_a_cursor_of_text_finds_nothing():
    with pytest.raises(NotFound):
        page(f"{ADDRESS}?cursor={token(False, chr(0))}", AdminSetting.objects.all(), View("key"))


@pytest.mark.parametrize("ordering", [(), ("-created_at", "id")])
def test_a_view_without_a_usable_order_is_a_mistake_of_ours(ordering):
    with pytest.raises(ImproperlyConfigured, match="View needs an ordering"):
        page(view=View(*ordering))
