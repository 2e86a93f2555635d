"""Reports over REST: asked for, looked at, downloaded and tried again; the page's own acts."""

import csv
import io

import pytest

from admin_panel.models import AuditLog, Report, ReportStatus
from admin_panel.reports.kinds import ORDERS, RATES
from admin_panel.services.report_making import report_make
from admin_panel.services.reports import MAY_DOWNLOAD, MAY_REQUEST
from admin_panel.tests.conftest import bearer
from admin_panel.tests.factories import ReportFactory
from admin_panel.tests.reports import INSIDE, PERIOD, no_files
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
LIST = "/api/v1/reports/"


@pytest.fixture(autouse=True)
def _no_files():
    with no_files():
        yield


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at")]


def ask(client, *, anew=False, type_="orders", **parameters):
    sent = {"type": type_, "parameters": {**PERIOD, "format": "csv", **parameters}, "anew": anew}
    return client.post(LIST, sent, "application/json")


def act(client, report, verb):
    return client.post(f"{LIST}{report.pk}/{verb}/", headers={"Accept": "text/csv"} if verb == "download" else {})


def test_a_report_is_asked_for_made_and_downloaded_and_the_same_is_not_made_twice(world):
    order = OrderFactory(created_at=INSIDE)
    client = bearer(MAY_REQUEST, MAY_DOWNLOAD, ORDERS.permission)
    answer = ask(client)
    assert (answer.status_code, answer.json()["status"], answer.json()["ready"]) == (201, "queued", False)
    report = Report.objects.get()
    assert report.parameters == {**PERIOD, "format": "csv"}
    jobs = world.superuser("admin").execute("SELECT task_name, args FROM procrastinate_jobs").fetchall()
    assert jobs == [("reports.make", {"report_id": str(report.pk)})]
    assert act(client, report, "download").json()["code"] == "report_not_there"
    report_make(report_id=report.pk)
    assert client.get(f"{LIST}{report.pk}/").json()["ready"] is True
    file = act(client, report, "download")
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.headers["Content-Disposition"] == 'attachment; filename="orders-2026-05-01-2026-05-31.csv"'
    header, row = csv.reader(io.StringIO(b"".join(file.streaming_content).decode()))
    assert header == list(ORDERS.header)
    assert str(order.pk) in row
    again = ask(client)
    assert (again.status_code, again.json()["id"]) == (200, str(report.pk))
    assert ask(client, anew=True).status_code == 201
    assert trail() == [
        ("report.request", "done"),
        ("report.download", "failed"),
        ("report.download", "done"),
        ("report.request", "done"),
        ("report.request", "done"),
    ]


@pytest.mark.parametrize(
    ("parameters", "code", "field"),
    [
        ({"until": "2026-04-01"}, "wrong_parameters", "until"),
        ({"until": "soon"}, "wrong_parameters", "until"),
        ({"until": ""}, "wrong_parameters", "until"),
        ({"format": "exe"}, "wrong_parameters", "format"),
        ({"pair": "USDUAH"}, "wrong_parameters", "pair"),
        ({"account": "house"}, "invalid", "parameters"),
        ({"pair": "\0"}, "invalid", "parameters"),
        ({"type_": "secrets"}, "invalid", "type"),
    ],
)
def test_what_cannot_be_made_is_not_asked_for(parameters, code, field):
    answer = ask(bearer("*"), **parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert list(answer.json()["details"]) == [field]
    assert not Report.objects.exists()


@pytest.mark.parametrize("anew", [0, "yes", None, []])
def test_anew_is_a_truth_value(anew):
    answer = ask(bearer("*"), anew=anew)
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["anew"])


def test_one_that_failed_is_tried_again_and_no_other():
    client = bearer("*")
    failed = ReportFactory(type="orders", status=ReportStatus.FAILED, problem="The disk is full.")
    assert act(client, failed, "retry").json()["status"] == "queued"
    answer = act(client, failed, "retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "report_not_failed")
    lost = ReportFactory(type="sales", status=ReportStatus.FAILED)
    assert act(client, lost, "retry").json()["code"] == "report_unknown"
    assert act(client, lost, "download").json()["code"] == "report_unknown"
    assert trail()[:2] == [("report.retry", "done"), ("report.retry", "failed")]


def test_each_act_takes_its_permissions(everything):
    failed = ReportFactory(type="orders", status=ReportStatus.FAILED)
    stranger = bearer(MAY_REQUEST, ORDERS.permission)
    refused = [stranger.get(LIST), ask(stranger), act(stranger, failed, "retry"), act(stranger, failed, "download")]
    assert {answer.status_code for answer in refused} == {403}
    for client in (bearer(MAY_DOWNLOAD, ORDERS.permission), bearer(MAY_DOWNLOAD, MAY_REQUEST, RATES.permission)):
        client.get(LIST)
        before = everything()
        assert {ask(client).status_code, act(client, failed, "retry").status_code} == {403}
        assert everything() == before
        assert trail()[-2:] == [("report.request", "denied"), ("report.retry", "denied")]
    assert act(client, failed, "download").status_code == 403
    assert trail()[-1] == ("report.download", "denied")


def test_the_list_is_narrowed_by_what_has_become_of_them():
    done = ReportFactory(status=ReportStatus.DONE, generated_at=INSIDE)
    failed = ReportFactory(status=ReportStatus.FAILED)
    client = bearer("*")

    def found(**query):
        return [row["id"] for row in client.get(LIST, query).json()["results"]]

    assert found(status="failed") == [str(failed.pk)]
    assert found(generated_before=failed.generated_at.isoformat()) == [str(done.pk)]
    assert found(generated_after=failed.generated_at.isoformat()) == [str(failed.pk)]


def test_what_asking_costs(statements):
    client = bearer("*")
    client.get(LIST)
    sent = statements(lambda: ask(client, anew=True))
    # The entry and its outcome; the report and its job in one transaction. The permissions are asked twice.
    assert {alias: len(found) for alias, found in sent.items()} == {"identity": 2, "web": 0, "admin": 6, "bot": 0}
