"""How a report is made in the background: failures are told, old files go, and the schedule asks for each period once.

What goes wrong is made to: folders that are in the way, locks of another worker, attempts that have been used up.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from admin_panel.declared_settings import KEEP_REPORTS
from admin_panel.models import Report, ReportStatus
from admin_panel.reports.kinds import LEDGER, ORDERS
from admin_panel.services.actors import NOBODY
from admin_panel.services.report_making import (
    MOST_ATTEMPTS,
    StillMade,
    report_make,
    reports_prune,
)
from admin_panel.services.reports import ReportRefused, report_download, report_schedule
from admin_panel.tests.factories import AdminSettingFactory, ReportFactory
from admin_panel.tests.reports import INSIDE, PERIOD, actor, asked, files, made, no_files, path_of
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
NIGHT = datetime(2026, 3, 1, 0, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_files():
    with no_files():
        yield


def unfinished(name: str) -> Path:
    return Path(settings.REPORTS_ROOT) / "unfinished" / name


def row(report):
    return Report.objects.filter(pk=report.pk).values().get()


# --- Failures


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"type": "orders", "parameters": {**PERIOD, "format": "pdf"}}, "with these parameters"),
        ({"type": "orders", "parameters": None}, "with these parameters"),
        ({"type": "weather", "parameters": {**PERIOD, "format": "csv"}}, "no reports of type 'weather'"),
    ],
)
def test_what_cannot_be_made_fails_at_once_and_says_why(fields, problem):
    report = ReportFactory(**fields)
    report_make(report_id=report.pk)
    report.refresh_from_db()
    assert (report.status, report.attempts, report.file_path) == (ReportStatus.FAILED, 1, None)
    assert problem in report.problem
    assert files() == []


def test_a_disk_that_fails_is_tried_again_and_given_up_in_the_end():
    report = asked(ORDERS)
    in_the_way = unfinished("").parent
    in_the_way.mkdir(parents=True)
    (in_the_way / "unfinished").write_text("not a folder")
    for attempt in range(1, MOST_ATTEMPTS):
        with pytest.raises(OSError, match="unfinished"):
            report_make(report_id=report.pk)
        report.refresh_from_db()
        assert (report.status, report.attempts) == (ReportStatus.QUEUED, attempt)
        assert "to be tried again" in report.problem
    report_make(report_id=report.pk)
    report.refresh_from_db()
    assert report.status == ReportStatus.FAILED
    assert report.problem.startswith(f"It was tried {MOST_ATTEMPTS} times")


def test_what_kills_every_worker_is_given_up():
    report = ReportFactory(
        type="orders", status=ReportStatus.RUNNING, attempts=MOST_ATTEMPTS, parameters={**PERIOD, "format": "csv"}
    )
    report_make(report_id=report.pk)
    report.refresh_from_db()
    assert report.status == ReportStatus.FAILED
    assert "the worker ended" in report.problem


@pytest.mark.parametrize("status", [ReportStatus.DONE, ReportStatus.FAILED, ReportStatus.EXPIRED])
def test_a_job_too_many_changes_nothing(status):
    report = ReportFactory(type="orders", status=status, parameters={**PERIOD, "format": "csv"})
    before = row(report)
    report_make(report_id=report.pk)
    assert (row(report), files()) == (before, [])


def test_a_report_that_another_worker_is_making_is_left_to_it(world):
    report = asked(ORDERS)
    before = row(report)
    other = world.superuser("admin")
    other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"report {report.pk}"])
    try:
        with pytest.raises(StillMade):
            report_make(report_id=report.pk)
        assert (row(report), files()) == (before, [])
    finally:
        other.execute("SELECT pg_advisory_unlock_all()")
    report_make(report_id=report.pk)
    assert row(report)["status"] == ReportStatus.DONE


def test_what_a_killed_worker_left_is_replaced():
    OrderFactory(created_at=INSIDE)
    report = asked(ORDERS)
    unfinished(str(report.pk)).mkdir(parents=True)
    (unfinished(str(report.pk)) / "half").write_text("half")
    stored = Path(settings.REPORTS_ROOT) / "files" / f"{report.pk}.csv"
    stored.parent.mkdir()
    stored.write_text("of an attempt that ended before its row said so")
    report_make(report_id=report.pk)
    report.refresh_from_db()
    assert files() == [f"files/{report.pk}.csv"]
    assert path_of(report).read_text().startswith("Made (UTC),")


# --- Old files


def aged(report, days):
    Report.objects.filter(pk=report.pk).update(finished_at=timezone.now() - timedelta(days=days))
    return report


def test_old_files_go_and_their_rows_stay():
    old, young = aged(made(ORDERS), KEEP_REPORTS.default + 1), aged(made(ORDERS), KEEP_REPORTS.default - 1)
    assert reports_prune() == 1
    old.refresh_from_db()
    assert (old.status, old.file_path) == (ReportStatus.EXPIRED, None)
    assert files() == [f"files/{young.file_path}"]
    assert reports_prune() == 0
    with pytest.raises(ReportRefused, match="no file"):
        report_download(actor=actor("*"), report=old)


@pytest.mark.parametrize(("value", "kept"), [(7, False), (9, True), (0, True), ("soon", True), (True, True)])
def test_how_long_they_are_kept_is_a_setting(value, kept):
    AdminSettingFactory(key="reports.keep_days", value=value)
    report = aged(made(ORDERS), 8)
    assert reports_prune() == (not kept)
    assert bool(files()) == kept
    assert row(report)["status"] == (ReportStatus.DONE if kept else ReportStatus.EXPIRED)


def test_a_file_that_is_gone_already_is_no_obstacle_and_says_so():
    report = aged(made(ORDERS), KEEP_REPORTS.default + 1)
    path_of(report).unlink()
    with pytest.raises(ReportRefused, match="is gone"):
        report_download(actor=actor("*"), report=report)
    assert reports_prune() == 1


def test_what_nobody_went_on_with_is_removed():
    for name, hours in (("old", 25), ("young", 23)):
        unfinished(name).mkdir(parents=True)
        then = timezone.now().timestamp() - hours * 3600
        os.utime(unfinished(name), (then, then))
    reports_prune()
    assert files() == ["unfinished/young"]


def test_a_file_that_no_row_names_is_removed():
    named, *attempts = (path_of(made(ORDERS)) for _ in range(3))
    Report.objects.exclude(file_path=named.name).update(status=ReportStatus.FAILED, file_path=None)
    for path, hours in ((named, 25), *zip(attempts, (25, 23), strict=True)):
        then = timezone.now().timestamp() - hours * 3600
        os.utime(path, (then, then))
    assert reports_prune() == 0
    assert files() == sorted([f"files/{named.name}", f"files/{attempts[1].name}"])


# --- The schedule


def test_yesterdays_turnover_and_last_months_ledger_are_asked_for_once():
    turnover, ledger = report_schedule(at=NIGHT)
    assert turnover.parameters == {"since": "2026-02-28", "until": "2026-02-28", "format": "xlsx", "by": "day"}
    assert ledger.parameters == {"since": "2026-02-01", "until": "2026-02-28", "format": "xlsx"}
    assert {turnover.generated_by, ledger.generated_by} == {NOBODY}
    assert report_schedule(at=NIGHT + timedelta(hours=20)) == []
    [next_day] = report_schedule(at=NIGHT + timedelta(days=1))
    assert next_day.name == "Turnover, 2026-03-01"
    assert Report.objects.count() == 3


def test_the_schedule_can_be_switched_off():
    AdminSettingFactory(key="reports.scheduled", value=False)
    assert report_schedule(at=NIGHT) == []
    assert not Report.objects.exists()


def test_two_workers_at_once_ask_for_each_period_once(world):
    def schedule(_):
        try:
            return len(report_schedule(at=NIGHT))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(schedule, range(8))) == 2
    queue = world.superuser("admin")
    assert queue.execute("SELECT count(*), count(DISTINCT lock) FROM procrastinate_jobs").fetchone() == (2, 2)


def test_scheduled_reports_are_made_as_any_other():
    for report in report_schedule(at=NIGHT):
        report_make(report_id=report.pk)
        assert row(report)["status"] == ReportStatus.DONE
    assert len(files()) == 2
    assert Report.objects.get(type=LEDGER.name).scheduled_for == "ledger monthly 2026-02"
