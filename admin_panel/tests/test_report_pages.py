"""The pages of reports: a form a kind, progress that renews itself, the file, and another try."""

import pytest
from django.urls import reverse

from admin_panel.models import AuditLog, Report, ReportStatus
from admin_panel.reports.kinds import KINDS, ORDERS, RATES
from admin_panel.services.report_making import report_make
from admin_panel.services.reports import MAY_DOWNLOAD, MAY_REQUEST
from admin_panel.tests.factories import ReportFactory
from admin_panel.tests.pages import address
from admin_panel.tests.reports import INSIDE, PERIOD, made, no_files, path_of
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
LIST = "/admin/admin_panel/report/"
ADD = f"{LIST}add/"
FORM = {**PERIOD, "format": "csv"}


@pytest.fixture(autouse=True)
def _no_files():
    with no_files():
        yield


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def body(answer):
    return b"".join(answer.streaming_content)


def test_who_may_ask_chooses_among_the_kinds_whose_rows_they_may_see(operator_with):
    operator = operator_with(MAY_DOWNLOAD, MAY_REQUEST, ORDERS.permission)
    shown = operator.get(ADD).text
    assert [name for name in KINDS if f"?type={name}" in shown] == ["turnover", "orders"]
    assert 'name="since"' in operator.get(f"{ADD}?type=orders").text
    assert 'name="since"' not in operator.get(f"{ADD}?type=rates").text
    assert "?type=" in operator.get(f"{ADD}?type=weather").text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_form_and_what_it_takes_is_asked_for(operator, kind):
    shown = operator.get(f"{ADD}?type={kind}")
    sent = {field.name: field.value() for field in shown.context["form"] if field.value()} | PERIOD
    sent |= {"format": "xlsx"} | ({"by": "month"} if kind == "turnover" else {})
    asked = operator.post(f"{ADD}?type={kind}", sent, follow=True)
    report = Report.objects.get()
    assert asked.redirect_chain == [(address("change", report), 302)]
    assert messages_of(asked) == [f"{report.name}: it is being made."]
    assert (report.type, report.parameters["format"]) == (kind, "xlsx")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"since": "2026-06-01"}, "The last day is not before the first."),
        ({"until": ""}, "This field is required."),
        ({"until": "9999-12-31"}, "This day has not come yet."),
        ({"since": "2020-01-01"}, "at most 366 days"),
        ({"pair": "USDUAH"}, "Write a pair as two currency codes"),
        ({"format": "exe"}, "not one of the available choices"),
    ],
)
def test_a_wrong_parameter_is_said_beside_its_field_and_nothing_is_asked_for(operator, wrong, told, everything):
    operator.get(ADD)
    before = everything()
    answer = operator.post(f"{ADD}?type=orders", FORM | wrong)
    assert answer.status_code == 200
    assert told in answer.text
    assert everything() == before


def test_who_may_not_ask_gets_no_form_and_no_report(operator_with, everything):
    operator = operator_with(MAY_DOWNLOAD, ORDERS.permission)
    operator.get(LIST)
    before = everything()
    assert operator.get(f"{ADD}?type=orders").status_code == 403
    assert operator.post(f"{ADD}?type=orders", FORM).status_code == 403
    assert everything() == before


def test_who_may_not_see_the_rows_posts_in_vain(operator_with, everything):
    operator = operator_with(MAY_DOWNLOAD, MAY_REQUEST, RATES.permission)
    operator.get(LIST)
    before = everything()
    assert operator.post(f"{ADD}?type=orders", FORM).status_code == 200
    assert everything() == before


def test_a_report_under_way_shows_its_progress_and_renews_its_page(operator):
    report = ReportFactory(type="orders", status=ReportStatus.RUNNING, progress=42, rows_written=4200, attempts=2)
    shown = operator.get(address("change", report))
    assert shown.headers["Refresh"] == "2"
    assert 'max="100" value="42"' in shown.text
    assert "4200 rows written, attempt 2" in shown.text
    assert "42 %" in operator.get(LIST).text


@pytest.mark.parametrize("status", [ReportStatus.DONE, ReportStatus.FAILED, ReportStatus.EXPIRED])
def test_one_that_has_ended_does_not_renew_its_page(operator, status):
    shown = operator.get(address("change", ReportFactory(type="orders", status=status, problem="The disk is full.")))
    assert "Refresh" not in shown.headers
    assert ("Try again" in shown.text) == (status == ReportStatus.FAILED)
    assert ("Download" in shown.text) == (status == ReportStatus.DONE)
    assert ("no longer kept" in shown.text) == (status == ReportStatus.EXPIRED)


@pytest.mark.parametrize(
    ("format_", "content_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_the_file_is_downloaded_under_a_name_that_says_what_it_is(operator_with, format_, content_type):
    OrderFactory(created_at=INSIDE)
    report = made(ORDERS, format=format_)
    operator = operator_with(MAY_DOWNLOAD, ORDERS.permission)
    assert operator.get(address("download", report)).status_code == 405
    answer = operator.post(address("download", report))
    assert (answer.status_code, answer.streaming) == (200, True)
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Content-Disposition"] == (f'attachment; filename="orders-2026-05-01-2026-05-31.{format_}"')
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(answer.headers["Content-Length"]) == path_of(report).stat().st_size
    assert body(answer) == path_of(report).read_bytes()
    [entry] = AuditLog.objects.filter(action="report.download").select_related("result")
    assert (entry.resource_id, entry.admin_id, entry.outcome) == (str(report.pk), operator.person.pk, "done")


def test_who_sees_the_list_and_not_the_rows_is_told_so_instead_of_the_file(operator_with, everything):
    report = made(ORDERS)
    operator = operator_with(MAY_DOWNLOAD)
    assert "Download" not in operator.get(address("change", report)).text
    before = everything()
    refused = operator.post(address("download", report))
    assert (refused.status_code, refused.streaming) == (302, False)
    assert {name: rows for name, rows in everything().items() if "session" not in name and name != "redis"} == {
        name: rows for name, rows in before.items() if "session" not in name and name != "redis"
    }
    assert ORDERS.permission in messages_of(operator.get(refused.headers["Location"]))[0]


def test_a_file_is_served_nowhere_else(operator):
    report = made(ORDERS)
    for place in (f"/static/{report.file_path}", f"/media/{report.file_path}", f"/reports/{report.file_path}"):
        assert operator.get(place).status_code == 404


def test_a_failed_one_is_tried_again_by_a_button(operator):
    report = ReportFactory(type="orders", status=ReportStatus.FAILED, problem="The disk is full.", parameters=FORM)
    assert "The disk is full." in operator.get(address("change", report)).text
    answer = operator.post(address("retry", report), follow=True)
    assert messages_of(answer) == [f"{report.name}: it is tried again."]
    assert answer.headers["Refresh"]
    report_make(report_id=report.pk)
    assert "Download" in operator.get(address("change", report)).text
    again = operator.post(address("retry", report), follow=True)
    assert messages_of(again) == ["Only a report that has failed is tried again."]


def test_the_same_report_is_offered_and_made_anew_on_request(operator):
    operator.post(f"{ADD}?type=orders", FORM)
    report = Report.objects.get()
    report_make(report_id=report.pk)
    offered = operator.post(f"{ADD}?type=orders", FORM, follow=True)
    assert offered.redirect_chain == [(address("change", report), 302)]
    assert "Nothing has changed since" in messages_of(offered)[-1]
    assert Report.objects.count() == 1
    operator.post(f"{ADD}?type=orders", FORM | {"anew": "1"})
    assert Report.objects.count() == 2


def test_a_report_of_a_type_that_is_no_more_is_shown_and_refused(operator):
    report = ReportFactory(type="weather", status=ReportStatus.DONE, file_path="gone.csv")
    assert operator.get(address("change", report)).status_code == 200
    answer = operator.post(reverse("admin:admin_panel_report_download", args=[report.pk]), follow=True)
    assert "'weather'" in messages_of(answer)[0]
