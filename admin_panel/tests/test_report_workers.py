"""Real workers make reports: each report once, and one that is killed leaves one file and nothing beside it."""

import pytest

from admin_panel.models import Report, ReportStatus
from admin_panel.reports.kinds import RATES
from admin_panel.tests.reports import INSIDE, asked, files, no_files, path_of, sheets
from admin_panel.tests.workers import WAITING, Workers, connected
from exchanger.testing.jobs import give_back_stalled
from web.tests.factories import ExchangeRateFactory

pytestmark = pytest.mark.context("admin")


@pytest.fixture
def workers(world):
    with no_files():
        workers = Workers(world, "reports")
        yield workers
        workers.close()


def done(reports):
    ended = Report.objects.filter(pk__in=[report.pk for report in reports], status=ReportStatus.DONE)
    return ended.count() == len(reports)


def files_of(reports):
    """The workers make what is scheduled as well; that is not looked at here."""
    return [name for name in files() if any(str(report.pk) in name for report in reports)]


def test_two_workers_make_each_report_once(workers):
    ExchangeRateFactory(valid_from=INSIDE)
    reports = [asked(RATES, anew=True, format=format_) for format_ in ("csv", "xlsx") * 3]
    workers.start()
    workers.start()
    workers.wait_for(lambda: done(reports))
    for report in reports:
        report.refresh_from_db()
        assert (report.attempts, report.rows_written) == (1, 1)
    assert files_of(reports) == sorted(f"files/{report.pk}.{report.parameters['format']}" for report in reports)


def test_a_worker_killed_between_its_file_and_its_row_leaves_one_file(workers, world):
    ExchangeRateFactory(valid_from=INSIDE)
    report = asked(RATES, format="xlsx")
    web, admin = world.superuser("web"), world.superuser("admin")
    with connected(admin) as held:
        with connected(web) as source:
            source.execute("LOCK TABLE exchange_rates IN ACCESS EXCLUSIVE MODE")
            killed = workers.start()
            # It has begun, and waits for its first look at the rates: now its row's end can be held.
            workers.wait_for(lambda: web.execute(WAITING.format("count(*)"), ['%"exchange_rates"%']).fetchone()[0])
            held.execute("SELECT FROM reports WHERE id = %s FOR UPDATE", [report.pk])
        workers.wait_for(lambda: admin.execute(WAITING.format("count(*)"), ['UPDATE "reports"%']).fetchone()[0])
        assert files_of([report]) == [f"files/{report.pk}.xlsx", f"unfinished/{report.pk}"]
        killed.kill()
        # The server would finish the statement that it has: the worker dies before it was sent.
        admin.execute(WAITING.format("pg_terminate_backend(pid)"), ['UPDATE "reports"%'])
    report.refresh_from_db()
    assert (report.status, report.file_path) == (ReportStatus.RUNNING, None)
    give_back_stalled(admin)
    workers.start()
    workers.wait_for(lambda: done([report]))
    report.refresh_from_db()
    assert (report.attempts, report.rows_written) == (2, 1)
    workers.wait_for(lambda: files_of([report]) == [f"files/{report.file_path}"])
    [[_, line]] = sheets(path_of(report))
    assert ("s", "USD") in line
