"""The panel's own settings and the reports that staff have asked for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from admin_panel.declared_settings import KEEP_REPORTS, Setting
from admin_panel.models import AdminSetting, Report, ReportStatus
from admin_panel.tests.factories import AdminSettingFactory, ReportFactory
from exchanger.demo.ids import demo_id
from exchanger.demo.plan import Plan


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting as it is at the anchor, what it was before, and how long before the anchor that changed."""

    setting: Setting[Any]
    value: Any
    before: Any
    changed_before: timedelta


SETTINGS: Final = (Changed(KEEP_REPORTS, 180, KEEP_REPORTS.default, timedelta(days=18, hours=3)),)

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
            id=demo_id("setting", changed.setting.key),
            key=changed.setting.key,
            value=changed.value,
            description=changed.setting.about,
            updated_by=plan.people.operator.id,
            updated_at=plan.anchor - changed.changed_before,
        )
        for changed in SETTINGS
        if changed.setting.key not in taken
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
