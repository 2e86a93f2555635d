"""The panel's own settings and the reports that staff have asked for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from admin_panel.models import AdminSetting, Report, ReportStatus
from admin_panel.tests.factories import AdminSettingFactory, ReportFactory
from exchanger.demo.ids import demo_id
from exchanger.demo.plan import Plan


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it is at the anchor, what it was before, and how long before the anchor that changed."""

    key: str
    value: Any
    before: Any
    description: str
    changed_before: timedelta


SETTINGS: Final = (
    Setting("alerts.email", "alerts@exchanger.example", None, "Where alerts are sent.", timedelta(days=87, hours=2)),
    Setting("dashboard.days", 30, 14, "How many days the dashboard's charts show.", timedelta(days=64, hours=6)),
    Setting(
        "orders.review_above_uah", "250000.00", "100000.00",
        "Orders worth more than this, in UAH, are confirmed by hand.", timedelta(days=41, hours=5),
    ),
    Setting("reports.keep_days", 180, 90, "How many days the files of reports are kept.", timedelta(days=18, hours=3)),
    Setting("support.hours", {"from": "09:00", "until": "21:00", "time_zone": "Europe/Kyiv"}, None,
            "When operators answer clients.", timedelta(days=9, hours=4)),
)  # fmt: skip

# Name, type, format, days before the anchor that it was asked for, and how many days it covers.
_REPORTS: Final = (
    ("Turnover by pair, first month", "turnover", "xlsx", 59, 30),
    ("Orders, first month", "orders", "csv", 58, 30),
    ("Turnover by pair, second month", "turnover", "xlsx", 29, 30),
    ("Refunded and failed orders", "orders", "csv", 16, 60),
    ("Ledger by account", "ledger", "xlsx", 8, 7),
    ("Audit trail of the quarter", "audit", "csv", 2, 90),
)


def admin_settings(plan: Plan) -> list[AdminSetting]:
    """The settings that nobody has set yet."""
    taken = set(AdminSetting.objects.values_list("key", flat=True))
    return [
        AdminSettingFactory.build(
            id=demo_id("setting", setting.key),
            key=setting.key,
            value=setting.value,
            description=setting.description,
            updated_by=plan.people.operator.id,
            updated_at=plan.anchor - setting.changed_before,
        )
        for setting in SETTINGS
        if setting.key not in taken
    ]


def reports(plan: Plan) -> list[Report]:
    """Reports that were asked for long ago. There is no file behind any of them, so they are told as no longer kept."""
    return [
        _report(plan, number, name, type_, format_, timedelta(days=ago, hours=3), timedelta(days=days))
        for number, (name, type_, format_, ago, days) in enumerate(_REPORTS)
    ]


def _report(plan: Plan, number: int, name: str, type_: str, format_: str, ago: timedelta, covered: timedelta) -> Report:
    at = plan.anchor - ago
    report: Report = ReportFactory.build(
        id=demo_id("report", number),
        name=name,
        type=type_,
        parameters={
            "format": format_,
            "since": (at - covered).date().isoformat(),
            "until": at.date().isoformat(),
        },
        generated_by=plan.people.operator.id,
        generated_at=at,
        file_path=None,
        status=ReportStatus.EXPIRED,
        finished_at=at + timedelta(seconds=20),
    )
    return report
