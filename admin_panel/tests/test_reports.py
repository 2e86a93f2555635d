"""Reports: what each shows, how its file is written, and that whoever may not see its rows gets nothing."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction

from admin_panel.models import AuditLog, Report, ReportStatus
from admin_panel.reports import files as writing
from admin_panel.reports import rows
from admin_panel.reports.forms import LONGEST
from admin_panel.reports.kinds import AUDIT, KINDS, LEDGER, ORDERS, RATES, TURNOVER, WrongParameters
from admin_panel.services.report_making import report_make
from admin_panel.services.reports import MAY_DOWNLOAD, MAY_REQUEST, report_download, report_retry
from admin_panel.tests.factories import AuditLogFactory, AuditOutcomeFactory, ReportFactory
from admin_panel.tests.reports import INSIDE, PERIOD, actor, asked, files, made, no_files, path_of, sheets
from exchanger.testing import factories
from web.models import OrderStatus
from web.tests.factories import ExchangeRateFactory, OrderFactory, TransactionFactory

pytestmark = pytest.mark.context("admin")
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"]
BEFORE = datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC)
AFTER = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_files():
    with no_files():
        yield


def lines(report):
    assert report.status == ReportStatus.DONE, report.problem
    with path_of(report).open(newline="") as file:
        header, *found = csv.reader(file)
    assert header == list(KINDS[report.type].header)
    assert report.rows_written == len(found)
    return found


def entries(*amounts, currency="USD", **fields):
    order = OrderFactory(created_at=INSIDE)
    with factories.as_owner(), transaction.atomic(using="web"):
        for account, amount in zip(("client", "house", "fees"), amounts, strict=False):
            TransactionFactory(
                order=order, account=account, amount=Decimal(amount), currency=currency, created_at=INSIDE, **fields
            )


# --- What each shows


def test_turnover_is_by_pair_and_day_or_month():
    OrderFactory(created_at=INSIDE, status=OrderStatus.COMPLETED, amount=100, exchange_rate=41)
    OrderFactory(created_at=INSIDE, amount=7)
    OrderFactory(created_at=INSIDE + timedelta(days=1), status=OrderStatus.COMPLETED, amount=Decimal("0.5"))
    OrderFactory(created_at=INSIDE, from_currency="EUR", status=OrderStatus.COMPLETED, amount=3, exchange_rate=2)
    for outside in (BEFORE, AFTER):
        OrderFactory(created_at=outside, status=OrderStatus.COMPLETED)
    daily = lines(made(TURNOVER, by="day"))
    assert [line[:6] for line in daily] == [
        ["2026-05-17", "2026-05-17", "EUR", "UAH", "1", "1"],
        ["2026-05-17", "2026-05-17", "USD", "UAH", "2", "1"],
        ["2026-05-18", "2026-05-18", "USD", "UAH", "1", "1"],
    ]
    assert [[Decimal(amount) for amount in line[6:]] for line in daily] == [
        [3, 6],
        [100, 4100],
        [Decimal("0.5"), 20.75],
    ]
    monthly = lines(made(TURNOVER, by="month", pair="usd/uah"))
    assert [line[:6] for line in monthly] == [["2026-05-01", "2026-05-31", "USD", "UAH", "3", "2"]]


def test_months_begin_on_their_first_day_and_end_with_the_period():
    found = rows.periods({"since": date(2025, 12, 30), "until": date(2026, 2, 3), "by": "month"})
    assert [(str(start), str(after)) for start, after in found] == [
        ("2025-12-30", "2026-01-01"),
        ("2026-01-01", "2026-02-01"),
        ("2026-02-01", "2026-02-04"),
    ]


def test_orders_are_those_of_the_period_the_pair_and_the_status():
    paid = OrderFactory(created_at=INSIDE, status=OrderStatus.PAID, amount=Decimal("100.10"))
    first = OrderFactory(created_at=INSIDE - timedelta(days=2), from_currency="EUR")
    OrderFactory(created_at=BEFORE)
    OrderFactory(created_at=AFTER)
    assert [line[1] for line in lines(made(ORDERS))] == [str(first.pk), str(paid.pk)]
    [line] = lines(made(ORDERS, status="paid", pair="USD/UAH"))
    assert line[0] == "2026-05-17T12:30:00Z"
    assert line[2:8] == [str(paid.user_id), "USD", "UAH", "100.10000000", "41.50000000", "paid"]
    assert lines(made(ORDERS, pair="BTC/UAH")) == []


def test_a_period_begins_with_its_first_moment_and_ends_before_the_next_day():
    first = OrderFactory(created_at=datetime(2026, 5, 1, tzinfo=UTC))
    last = OrderFactory(created_at=AFTER - timedelta(microseconds=1))
    OrderFactory(created_at=datetime(2026, 5, 1, tzinfo=UTC) - timedelta(microseconds=1))
    assert [line[1] for line in lines(made(ORDERS))] == [str(first.pk), str(last.pk)]


def test_a_ledger_statement_ends_with_its_sums():
    entries("-100.5", "100", "0.5")
    entries("-1", "1", currency="EUR")
    found = lines(made(LEDGER))
    assert [line[6:9] for line in found[-5:]] == [
        ["client", "EUR", "-1.00000000"],
        ["client", "USD", "-100.50000000"],
        ["fees", "USD", "0.50000000"],
        ["house", "EUR", "1.00000000"],
        ["house", "USD", "100.00000000"],
    ]
    assert {line[5] for line in found[-5:]} == {"sum of the period"}
    assert len(found) == 10
    [entry, total] = lines(made(LEDGER, account="client", currency="EUR"))
    assert entry[6:9] == total[6:9] == ["client", "EUR", "-1.00000000"]


def test_rates_are_those_that_came_into_force_in_the_period():
    rate = ExchangeRateFactory(valid_from=INSIDE, valid_until=AFTER, rate=Decimal("41.12345678"), confirmed_at=INSIDE)
    ExchangeRateFactory(valid_from=AFTER)
    ExchangeRateFactory(valid_from=INSIDE, from_currency="EUR")
    [line] = lines(made(RATES, pair="USD/UAH"))
    assert line[:6] == ["2026-05-17T12:30:00Z", "2026-06-01T00:00:00Z", "USD", "UAH", "41.12345678", "manual"]
    assert line[8] == str(rate.pk)


def test_an_audit_extract_tells_how_each_attempt_ended():
    done = AuditLogFactory(created_at=INSIDE, resource_type="order", old_values={"b": 1, "a": "é"})
    AuditOutcomeFactory(entry=done)
    open_ = AuditLogFactory(created_at=INSIDE + timedelta(seconds=1))
    AuditLogFactory(created_at=BEFORE)
    first, second = lines(made(AUDIT))
    assert (first[1], first[4], first[7]) == (str(done.pk), "done", '{"a": "é", "b": 1}')
    assert (second[1], second[4]) == (str(open_.pk), "unfinished")
    assert [line[1] for line in lines(made(AUDIT, resource_type="order"))] == [str(done.pk)]


# --- The files


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(formula):
    AuditLogFactory(created_at=INSIDE, user_agent=formula)
    [line] = lines(made(AUDIT))
    assert line[-1] == f"'{formula}"
    [[_, row]] = sheets(path_of(made(AUDIT, format="xlsx")))
    assert row[-1][0] == "s"
    assert row[-1][1].replace("_x000D_", "\r").replace("_x0009_", "\t") == f"'{formula}"


def test_a_spreadsheet_has_numbers_while_it_keeps_their_digits_and_text_beyond():
    for days, amount in enumerate(["100.10", "1234567.12345678", "12345678.12345678", "0.00000001"]):
        OrderFactory(created_at=INSIDE + timedelta(days=days), amount=Decimal(amount))
    [[header, *found]] = sheets(path_of(made(ORDERS, format="xlsx")))
    assert header == [("s", title) for title in ORDERS.header]
    assert [(kind, Decimal(value)) for kind, value in (row[5] for row in found)] == [
        ("n", Decimal("100.1")),
        ("n", Decimal("1234567.12345678")),
        ("s", Decimal("12345678.12345678")),
        ("n", Decimal("0.00000001")),
    ]
    moment = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(days=float(found[0][0][1]))
    assert abs(moment - INSIDE) < timedelta(seconds=1)


def test_a_sum_with_more_digits_than_python_works_with_is_text_beyond():
    sums = ["1000000000000000.0000000000000001", "1000000000000000.0000000000000000"]
    assert [writing.is_kept(Decimal(text)) for text in sums] == [False, True]


def test_what_is_too_long_for_a_cell_is_cut_and_says_so():
    AuditLogFactory(created_at=INSIDE, user_agent="x" * 40_000)
    [[_, row]] = sheets(path_of(made(AUDIT, format="xlsx")))
    assert len(row[-1][1]) == writing.CELL_CHARACTERS
    assert row[-1][1].endswith(writing.CUT)
    [line] = lines(made(AUDIT))
    assert line[-1] == "x" * 40_000


def test_a_full_sheet_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(writing, "SHEET_ROWS", 3)
    for _ in range(5):
        OrderFactory(created_at=INSIDE)
    report = made(ORDERS, format="xlsx")
    assert [len(sheet) for sheet in sheets(path_of(report))] == [3, 3, 2]
    assert report.rows_written == 5


@pytest.mark.parametrize("format_", writing.WRITERS)
def test_rows_are_read_by_the_chunk(format_, monkeypatch, statements):
    monkeypatch.setattr(rows, "CHUNK", 2)
    for _ in range(5):
        OrderFactory(created_at=INSIDE)
    report = asked(ORDERS, format=format_)
    sent = [text for text in statements(lambda: report_make(report_id=report.pk))["web"] if "ORDER BY" in text]
    assert len(sent) == 3
    assert all(text.endswith("LIMIT 2") for text in sent)
    assert not any(">=" in text for text in sent)  # each begins at its position, not at the period's beginning
    report.refresh_from_db()
    assert report.rows_written == 5


def test_a_file_is_private_and_nothing_lies_beside_it():
    report = made(ORDERS, format="xlsx")
    assert files() == [f"files/{report.file_path}"]
    assert path_of(report).stat().st_mode & 0o777 == 0o600
    assert path_of(report).parent.stat().st_mode & 0o777 == 0o700


def test_every_kind_makes_both_files_of_nothing_at_all():
    for kind in KINDS.values():
        more = {"by": "day"} if kind is TURNOVER else {}
        for format_ in writing.WRITERS:
            if kind is not AUDIT:
                assert made(kind, format=format_, **more).rows_written == 0
        assert made(kind, since="0001-01-01", until="0001-01-01", **more).status == ReportStatus.DONE


# --- Asking


@pytest.mark.parametrize(
    ("kind", "wrong", "field"),
    [
        (ORDERS, {"since": "2026-06-01", "until": "2026-05-31"}, "until"),
        (ORDERS, {"since": "soon"}, "since"),
        (ORDERS, {"until": "9999-12-31"}, "until"),
        (ORDERS, {"since": str(date(2026, 5, 31) - LONGEST)}, "until"),
        (ORDERS, {"format": "pdf"}, "format"),
        (ORDERS, {"pair": "USD"}, "pair"),
        (ORDERS, {"status": "lost"}, "status"),
        (TURNOVER, {"by": "hour"}, "by"),
        (TURNOVER, {}, "by"),
        (LEDGER, {"currency": "DOLLARS"}, "currency"),
        (LEDGER, {"account": "mine"}, "account"),
        (AUDIT, {"resource_type": "a\0b"}, "resource_type"),
    ],
)
def test_wrong_parameters_are_refused_by_field_and_nothing_is_queued(kind, wrong, field, everything):
    by = actor("*")
    before = everything()
    with pytest.raises(WrongParameters) as refused:
        asked(kind, operator=by, **wrong)
    assert list(refused.value.details) == [field]
    assert everything() == before


def test_the_longest_period_is_allowed():
    assert asked(ORDERS, since=str(date(2026, 6, 1) - LONGEST)).status == ReportStatus.QUEUED


@pytest.mark.parametrize(
    "held", [(), (MAY_REQUEST,), (ORDERS.permission,), (MAY_REQUEST, LEDGER.permission, MAY_DOWNLOAD)]
)
def test_who_may_not_ask_or_not_see_the_rows_gets_no_report(held, everything):
    by = actor(*held)
    before = everything()
    with pytest.raises(PermissionDenied):
        asked(ORDERS, operator=by)
    assert everything() == before
    [entry] = AuditLog.objects.select_related("result")
    assert (entry.action, entry.outcome) == ("report.request", "denied")


def test_a_request_is_in_the_trail_and_its_job_in_the_queue(world):
    by = actor(MAY_REQUEST, ORDERS.permission)
    report = asked(ORDERS, operator=by, pair="usd/uah")
    assert (report.name, report.generated_by) == ("Orders, 2026-05-01 – 2026-05-31", by.admin_id)
    assert report.parameters == {**PERIOD, "format": "csv", "pair": "USD/UAH"}
    queued = world.superuser("admin").execute("SELECT task_name, lock, args FROM procrastinate_jobs").fetchall()
    assert queued == [("reports.make", f"reports.make.{report.pk}", {"report_id": str(report.pk)})]
    [entry] = AuditLog.objects.select_related("result")
    assert (entry.action, entry.resource_id, entry.outcome) == ("report.request", str(report.pk), "done")


# --- The same one again


def test_the_same_report_of_the_same_data_is_made_once_an_hour(world):
    order = OrderFactory(created_at=INSIDE)
    report = made(ORDERS)
    with world.redis() as redis:
        assert asked(ORDERS) == report
        [key] = redis.keys("cache:admin:reports:*")
        assert 0 < redis.ttl(key) <= 3600
    assert asked(ORDERS) == report
    assert asked(ORDERS, format="xlsx") != report
    assert asked(ORDERS, anew=True) != report
    with factories.as_owner():
        order.status, order.updated_at = OrderStatus.PAID, datetime.now(UTC)
        order.save()
    changed = asked(ORDERS)
    assert (changed.status, changed == report) == (ReportStatus.QUEUED, False)


def test_a_rate_that_was_closed_earlier_than_another_ends_is_another_state_of_the_data():
    first = ExchangeRateFactory(valid_from=INSIDE, valid_until=None)
    ExchangeRateFactory(from_currency="EUR", valid_from=INSIDE, valid_until=datetime(2099, 1, 1, tzinfo=UTC))
    report = made(RATES)
    assert asked(RATES) == report
    with factories.as_owner():
        first.valid_until = INSIDE + timedelta(hours=1)
        first.save()
    assert asked(RATES) != report


def test_what_is_older_than_an_hour_or_not_there_any_more_is_made_anew():
    OrderFactory(created_at=INSIDE)
    old = made(ORDERS)
    Report.objects.filter(pk=old.pk).update(finished_at=datetime.now(UTC) - timedelta(minutes=61))
    assert asked(ORDERS) != old
    gone = made(ORDERS)
    assert asked(ORDERS) == gone
    Report.objects.filter(pk=gone.pk).update(status=ReportStatus.EXPIRED)
    assert asked(ORDERS) != gone


def test_the_one_that_is_offered_takes_the_same_permissions(everything):
    made(ORDERS)
    by = actor(MAY_REQUEST)
    before = everything()
    with pytest.raises(PermissionDenied):
        asked(ORDERS, operator=by)
    assert everything() == before


@pytest.mark.usefixtures("broken_redis")
def test_without_redis_postgresql_tells_of_the_same_report():
    report = made(ORDERS)
    assert asked(ORDERS) == report


# --- Downloading and trying again


@pytest.mark.parametrize("held", [(), (MAY_DOWNLOAD,), (ORDERS.permission,)])
def test_who_may_not_see_the_rows_downloads_and_retries_nothing(held, everything):
    done = made(ORDERS)
    failed = ReportFactory(type="orders", status=ReportStatus.FAILED, parameters={**PERIOD, "format": "csv"})
    by = actor(*held)
    before = everything()
    with pytest.raises(PermissionDenied):
        report_download(actor=by, report=done)
    with pytest.raises(PermissionDenied):
        report_retry(actor=by, report=failed)
    assert everything() == before
    trail = AuditLog.objects.filter(admin_id=by.admin_id).order_by("created_at")
    assert list(trail.values_list("action", "result__outcome")) == [
        ("report.download", "denied"),
        ("report.retry", "denied"),
    ]


def test_a_failed_one_is_tried_again_and_only_a_failed_one(world):
    OrderFactory(created_at=INSIDE)
    failed = ReportFactory(
        type="orders",
        status=ReportStatus.FAILED,
        parameters={**PERIOD, "format": "csv"},
        attempts=5,
        problem="It was tried 5 times.",
        finished_at=INSIDE,
    )
    report = report_retry(actor=actor(MAY_REQUEST, ORDERS.permission), report=failed)
    assert (report.status, report.attempts, report.problem) == (ReportStatus.QUEUED, 0, "")
    assert report.finished_at is None  # it is to be made
    assert world.superuser("admin").execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (1,)
    with pytest.raises(Exception, match="Only a report that has failed"):
        report_retry(actor=actor("*"), report=report)
    assert world.superuser("admin").execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (1,)
    report_make(report_id=report.pk)
    report.refresh_from_db()
    assert len(lines(report)) == 1
