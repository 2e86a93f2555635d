"""The operators' records over REST."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from admin_panel.tests.conftest import bearer
from admin_panel.tests.factories import (
    AuditLogFactory,
    AuditOutcomeFactory,
    ConfigurationFactory,
    ReportFactory,
    SystemMetricFactory,
)

pytestmark = pytest.mark.context("admin")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
RESOURCES = {
    "audit-logs": ("admin_panel.view_auditlog", AuditLogFactory),
    "reports": ("admin_panel.view_report", ReportFactory),
    "metrics": ("admin_panel.view_systemmetric", SystemMetricFactory),
    "configurations": ("admin_panel.view_configuration", ConfigurationFactory),
}
WRITTEN = {"reports", "configurations"}  # whose list takes a POST, tried by tests of its own
each_resource = pytest.mark.parametrize("resource", RESOURCES)


def listed(client, resource, **query):
    answer = client.get(f"/api/v1/{resource}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@each_resource
def test_the_permission_of_the_model_opens_its_list_and_its_rows(resource):
    permission, factory = RESOURCES[resource]
    row = factory()
    client = bearer(permission)
    (found,) = listed(client, resource)
    assert found["id"] == str(row.pk)
    assert client.get(f"/api/v1/{resource}/{row.pk}/").json() == found


@each_resource
def test_without_a_session_it_is_401_and_without_the_permission_403_and_nothing_happens(resource, everything):
    permission, factory = RESOURCES[resource]
    row = factory()
    addresses = [f"/api/v1/{resource}/", f"/api/v1/{resource}/{row.pk}/"]
    visitor = Client(SERVER_NAME="localhost")
    before = everything()
    for address in addresses:
        answer = visitor.get(address)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert "Bearer" in answer["WWW-Authenticate"]
    assert everything() == before
    other = next(held for held, _ in RESOURCES.values() if held != permission)
    for client in (bearer(), bearer(other)):
        before = everything()
        for address in addresses:
            answer = client.get(address)
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        after = everything()
        cached = f"identity:user:admin:{client.person.pk}".encode()
        assert after.pop("redis") == sorted([*before.pop("redis"), cached])
        assert after == before


@each_resource
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes(resource, method, everything):
    _, factory = RESOURCES[resource]
    row = factory()
    client = bearer("*")
    listed(client, resource)
    before = everything()
    taken = method == "post" and resource in WRITTEN
    for address in [f"/api/v1/{resource}/"] * (not taken) + [f"/api/v1/{resource}/{row.pk}/"]:
        assert getattr(client, method)(address, {}, "application/json").status_code == 405
    assert everything() == before


@each_resource
def test_a_page_is_one_statement_however_many_rows(resource, django_assert_num_queries):
    _, factory = RESOURCES[resource]
    client = bearer("*")
    listed(client, resource)
    factory.create_batch(12)
    with (
        django_assert_num_queries(1, connection=connections["admin"]),
        django_assert_num_queries(0, connection=connections["identity"]),
    ):
        assert len(listed(client, resource)) == 12


@each_resource
@pytest.mark.parametrize("query", ["cursor=%00", "cursor=AAAA", "cursor=%C3%A9", "page_size=%00", "page_size=-1"])
def test_a_cursor_that_is_not_ours_and_a_size_that_is_none_are_refused(resource, query):
    answer = bearer("*").get(f"/api/v1/{resource}/?{query}")
    assert answer.status_code == (404 if query.startswith("cursor") else 400)


@pytest.mark.parametrize(
    "query",
    [
        "audit-logs/?action=%00",
        "audit-logs/?resource_type=a%00",
        "audit-logs/?resource_id=%00b",
        "audit-logs/?admin_id=%00",
        "audit-logs/?admin_id=7",
        "audit-logs/?created_after=%00",
        "audit-logs/?created_after=yesterday",
        "reports/?type=%00",
        "metrics/?metric_name=%00",
        "reports/?status=lost",
        "reports/?generated_after=soon",
        "metrics/?tags=web",
        "metrics/?tags=database:",
        "metrics/?tags=database:%00",
        "metrics/?tags=",
        "metrics/series/",
        "metrics/series/?metric_name=",
        "metrics/series/?metric_name=%00",
        "metrics/series/?metric_name=m&step=second",
        "metrics/series/?metric_name=m&since=yesterday",
        "metrics/series/?metric_name=m&tags=:web",
        "configurations/?application_context=%00",
        "configurations/?application_context=bank",
    ],
)
def test_a_filter_that_makes_no_sense_is_400_and_no_statement(query, django_assert_num_queries):
    client = bearer("*")
    client.get("/api/v1/auth/me")
    with django_assert_num_queries(0, connection=connections["admin"]):
        answer = client.get(f"/api/v1/{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["details"]


def test_a_row_that_is_not_there_is_404():
    client = bearer("*")
    for wrong in (uuid.uuid4(), "nonsense", "%00"):
        assert client.get(f"/api/v1/audit-logs/{wrong}/").status_code == 404


def test_the_audit_trail_is_narrowed_by_who_what_which_and_when():
    anna = uuid.uuid4()
    first = AuditLogFactory(admin_id=anna, action="rate.publish", created_at=NOON)
    second = AuditLogFactory(resource_type="order", resource_id="7", created_at=NOON + timedelta(hours=1))
    client = bearer("*")

    def found(**query):
        return [row["id"] for row in listed(client, "audit-logs", **query)]

    assert found() == [str(second.pk), str(first.pk)]
    assert found(admin_id=anna) == [str(first.pk)]
    assert found(resource_type="order") == found(resource_id="7") == [str(second.pk)]
    assert found(action="nothing") == []
    assert found(created_after=second.created_at.isoformat()) == [str(second.pk)]
    assert found(created_before=second.created_at.isoformat()) == [str(first.pk)]


def test_an_entry_of_the_audit_trail_tells_all_of_it():
    log = AuditLogFactory(old_values=None, new_values={"rate": "41.50"}, user_agent="curl", created_at=NOON)
    AuditOutcomeFactory(entry=log, outcome="failed", details={"reason": "ValueError"})
    assert listed(bearer("*"), "audit-logs") == [
        {
            "id": str(log.pk),
            "admin_id": str(log.admin_id),
            "action": "rate.publish",
            "resource_type": "exchange_rate",
            "resource_id": log.resource_id,
            "old_values": None,
            "new_values": {"rate": "41.50"},
            "ip_address": "192.0.2.10",
            "user_agent": "curl",
            "created_at": "2026-05-01T12:00:00Z",
            "outcome": "failed",
            "outcome_details": {"reason": "ValueError"},
        }
    ]


@pytest.mark.parametrize("outcome", ["done", "failed", "denied", "unfinished"])
def test_the_audit_trail_is_narrowed_by_outcome(outcome):
    logs = {ended: AuditOutcomeFactory(outcome=ended).entry for ended in ("done", "failed", "denied")}
    logs["unfinished"] = AuditLogFactory()
    (found,) = listed(bearer("*"), "audit-logs", outcome=outcome)
    assert (found["id"], found["outcome"]) == (str(logs[outcome].pk), outcome)


def test_more_entries_of_the_audit_trail_are_not_more_statements():
    client = bearer("*")
    AuditOutcomeFactory()
    listed(client, "audit-logs")
    with CaptureQueriesContext(connections["admin"]) as few:
        listed(client, "audit-logs")
    AuditOutcomeFactory.create_batch(5)
    with CaptureQueriesContext(connections["admin"]) as many:
        assert len(listed(client, "audit-logs")) == 6
    assert len(few) == len(many) == 1


def test_a_measurement_is_a_decimal_string():
    SystemMetricFactory(metric_value="0.10000000")
    SystemMetricFactory(metric_name="orders.paid", metric_value=None)
    client = bearer("*")
    assert [row["metric_value"] for row in listed(client, "metrics", metric_name="orders.created")] == ["0.10000000"]
    assert [row["metric_value"] for row in listed(client, "metrics", metric_name="orders.paid")] == [None]


def measured(name, *values, tags=None, step=timedelta(minutes=1)):
    for n, value in enumerate(values):
        SystemMetricFactory(metric_name=name, metric_value=value, tags=tags, recorded_at=NOON + n * step)


def test_measurements_are_narrowed_by_their_tags():
    for database in ("web", "bot"):
        SystemMetricFactory(metric_name="m", tags={"database": database, "state": "idle in transaction"})
    SystemMetricFactory(metric_name="m")
    client = bearer("*")
    for query, expected in (
        ("database:web", ["web"]),
        ("state:idle in transaction", ["bot", "web"]),
        ("database:web,state:idle in transaction", ["web"]),
        ("database:web,state:idle", []),
    ):
        assert sorted(row["tags"]["database"] for row in listed(client, "metrics", tags=query)) == expected


def test_a_series_has_a_point_in_each_step_the_average_or_of_a_counter_the_last():
    measured("exchanger_jobs_waiting", 1, 2, 3, 4, 5, 6, 7, tags={"context": "web"})
    measured("exchanger_jobs_waiting", 8, tags={"context": "admin"})
    measured("exchanger_redis_keyspace_hits_total", 1, 5, 9, tags={})
    client = bearer("admin_panel.view_systemmetric")
    query = {"since": NOON.isoformat(), "until": (NOON + timedelta(hours=1)).isoformat()}
    answer = client.get("/api/v1/metrics/series/", {**query, "metric_name": "exchanger_jobs_waiting"}).json()
    assert answer == {
        "metric_name": "exchanger_jobs_waiting",
        "kind": "gauge",
        "unit": "jobs",
        "step": "5minutes",
        "series": [
            {"tags": {"context": "admin"}, "points": [{"at": "2026-05-01T12:00:00Z", "value": "8.00000000"}]},
            {"tags": {"context": "web"}, "points": [
                {"at": "2026-05-01T12:00:00Z", "value": "3.00000000"},
                {"at": "2026-05-01T12:05:00Z", "value": "6.50000000"},
            ]},
        ],
    }  # fmt: skip
    query |= {"metric_name": "exchanger_jobs_waiting", "tags": "context:admin", "step": "hour"}
    [only] = client.get("/api/v1/metrics/series/", query).json()["series"]
    assert only["tags"] == {"context": "admin"}
    hits = {**query, "tags": "x:y", "metric_name": "exchanger_redis_keyspace_hits_total"}
    assert client.get("/api/v1/metrics/series/", hits).json()["series"] == []
    del hits["tags"]
    [counter] = client.get("/api/v1/metrics/series/", hits).json()["series"]
    assert counter["points"] == [{"at": "2026-05-01T12:00:00Z", "value": "9.00000000"}]


def test_a_series_is_one_statement_however_long(django_assert_num_queries):
    client = bearer("*")
    client.get("/api/v1/auth/me")
    measured("m", *range(30))
    query = {"metric_name": "m", "since": NOON.isoformat(), "until": (NOON + timedelta(hours=1)).isoformat()}
    with (
        django_assert_num_queries(1, connection=connections["admin"]),
        django_assert_num_queries(0, connection=connections["identity"]),
    ):
        [found] = client.get("/api/v1/metrics/series/", {**query, "step": "minute"}).json()["series"]
    assert len(found["points"]) == 30


@pytest.mark.parametrize(
    ("until", "code"),
    [
        ("2026-05-01T12:00Z", "range_invalid"),
        ("2026-05-02T13:00Z", None),
        ("2026-05-02T13:01Z", "range_too_long"),
    ],
)
def test_one_answer_holds_so_many_points(until, code, django_assert_num_queries):
    client = bearer("*")
    client.get("/api/v1/auth/me")
    query = {"metric_name": "m", "step": "minute", "since": "2026-05-01T12:00Z", "until": until}
    with django_assert_num_queries(0 if code else 1, connection=connections["admin"]):
        answer = client.get("/api/v1/metrics/series/", query)
    assert answer.status_code == (400 if code else 200)
    assert answer.json().get("code") == code


def test_before_the_first_day_there_is_no_series():
    answer = bearer("*").get("/api/v1/metrics/series/?metric_name=m&until=0001-01-01T00:00Z")
    assert (answer.status_code, answer.json()["code"]) == (400, "range_invalid")


def test_a_series_is_for_whoever_may_read_measurements():
    address = "/api/v1/metrics/series/?metric_name=m"
    assert bearer("admin_panel.view_report").get(address).status_code == 403
    assert Client(SERVER_NAME="localhost").get(address).status_code == 401


def test_a_report_does_not_tell_where_its_file_lies():
    ReportFactory(file_path="reports/secret-place.csv", generated_at=NOON)
    ReportFactory(generated_at=NOON - timedelta(days=1))
    answer = bearer("*").get("/api/v1/reports/")
    assert [row["ready"] for row in answer.json()["results"]] == [True, False]
    assert "secret-place" not in answer.text


def test_configurations_are_found_by_application():
    ConfigurationFactory(application_context="web")
    ConfigurationFactory(application_context="telegram")
    client = bearer("*")
    found = listed(client, "configurations", application_context="telegram")
    assert [row["application_context"] for row in found] == ["telegram"]
