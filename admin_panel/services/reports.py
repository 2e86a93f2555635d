"""What operators do with reports, and what the schedule does: they are asked for, tried again, and downloaded."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.files import File
from django.core.files.storage import storages
from django.db import transaction
from procrastinate.contrib.django import app

from admin_panel.cache import AdminCache
from admin_panel.declared_settings import SCHEDULED_REPORTS, read_setting
from admin_panel.models import Report, ReportStatus
from admin_panel.reports.forms import PeriodForm
from admin_panel.reports.kinds import KINDS, LEDGER, TURNOVER, ReportKind
from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import NOBODY, Actor
from admin_panel.services.audit import ALIAS, audited
from admin_panel.services.permissions import require_permission
from exchanger.kernel.refusals import Refused

MAY_REQUEST = "admin_panel.add_report"
MAY_DOWNLOAD = "admin_panel.view_report"
MAKE = "reports.make"
PRIORITY = -1  # behind what runs by the clock


class ReportRefused(Refused):
    """What was asked of a report does not go with what has become of it."""

    codes = {
        400: {"report_unknown": "There are no reports of type 'sales' any more."},
        409: {
            "report_not_failed": "Only a report that has failed is tried again.",
            "report_not_there": "There is no file of this report.",
        },
    }


def report_request(*, actor: Actor, kind: ReportKind, parameters: Mapping[str, Any], anew: bool = False) -> Report:
    """Have a report made in the background, or the one that was made of the same data within the hour.

    ``parameters`` are as ``kind.form`` takes them; with ``anew`` a report is made in any case.

    Raises:
        PermissionDenied: the operator may not ask for reports, or not see the rows of this one.
        admin_panel.reports.kinds.WrongParameters
    """
    report_id = uuid4()
    with audited(
        actor,
        action="report.request",
        resource=Resource(resource_type(Report), str(report_id)),
        new={"type": kind.name, **parameters},
    ) as attempt:
        require_permission(actor, MAY_REQUEST)
        require_permission(actor, kind.permission)
        form = kind.read(parameters)
        made = None if anew else _made_already(kind.fingerprint(form))
        if made is not None:
            attempt.note(reused=str(made.pk))
            return made
        with transaction.atomic(using=ALIAS):
            report = Report.objects.create(id=report_id, **_asked(kind, form, actor.admin_id))
            _defer(report.pk)
    return report


def report_schedule(*, at: datetime) -> list[Report]:
    """Have yesterday's turnover and last month's ledger made, each once; ``at`` is aware. Those that are new.

    None where the setting ``reports.scheduled`` is off.
    """
    if not read_setting(SCHEDULED_REPORTS):
        return []
    today = at.astimezone(UTC).date()
    yesterday, month_end = today - timedelta(days=1), today.replace(day=1) - timedelta(days=1)
    wanted = (
        (TURNOVER, f"daily {yesterday}", {"since": yesterday, "until": yesterday, "by": "day"}),
        (LEDGER, f"monthly {month_end:%Y-%m}", {"since": month_end.replace(day=1), "until": month_end}),
    )
    made = []
    for kind, period, parameters in wanted:
        asked = _asked(kind, kind.read({**parameters, "format": "xlsx"}), NOBODY)
        with transaction.atomic(using=ALIAS):
            report, new = Report.objects.get_or_create(scheduled_for=f"{kind.name} {period}", defaults=asked)
            if new:
                _defer(report.pk)
                made.append(report)
    return made


def report_retry(*, actor: Actor, report: Report) -> Report:
    """Have a failed report made after all.

    Raises:
        PermissionDenied: as for asking for it.
        ReportRefused: ``report_not_failed``
    """
    with audited(actor, action="report.retry", resource=report, old={"status": report.status}):
        require_permission(actor, MAY_REQUEST)
        require_permission(actor, kind_of(report).permission)
        with transaction.atomic(using=ALIAS):
            failed = Report.objects.filter(pk=report.pk, status=ReportStatus.FAILED)
            if not failed.update(
                status=ReportStatus.QUEUED, attempts=0, progress=0, rows_written=0, problem="", finished_at=None
            ):
                raise ReportRefused("report_not_failed", "Only a report that has failed is tried again.", status=409)
            _defer(report.pk)
    report.refresh_from_db()
    return report


def report_download(*, actor: Actor, report: Report) -> "File[bytes]":
    """The file, open for reading.

    Raises:
        PermissionDenied: the operator may not see reports, or not the rows of this one.
        ReportRefused: ``report_not_there``
    """
    with audited(actor, action="report.download", resource=report):
        require_permission(actor, MAY_DOWNLOAD)
        require_permission(actor, kind_of(report).permission)
        if report.status != ReportStatus.DONE or not report.file_path:
            raise ReportRefused("report_not_there", "There is no file of this report.", status=409)
        try:
            return storages["reports"].open(report.file_path)
        except FileNotFoundError:
            raise ReportRefused(
                "report_not_there", "The file of this report is gone: ask for it anew.", status=409
            ) from None


def kind_of(report: Report) -> ReportKind:
    """Raises ReportRefused: ``report_unknown``, for one that an older platform has left."""
    try:
        return KINDS[report.type]
    except KeyError:
        raise ReportRefused("report_unknown", f"There are no reports of type '{report.type}' any more.") from None


def _made_already(fingerprint: str) -> Report | None:
    if not fingerprint:
        return None
    found = AdminCache().get_finished_report(fingerprint)
    return Report.objects.filter(pk=found, status=ReportStatus.DONE).first() if found else None


def _asked(kind: ReportKind, form: PeriodForm, generated_by: UUID) -> dict[str, Any]:
    period = " – ".join(sorted({str(form.cleaned_data["since"]), str(form.cleaned_data["until"])}))
    return {
        "name": f"{kind.title}, {period}",
        "type": kind.name,
        "parameters": form.stored(),
        "generated_by": generated_by,
    }


def _defer(report_id: UUID) -> None:
    app.configure_task(MAKE, lock=f"{MAKE}.{report_id}", priority=PRIORITY).defer(report_id=str(report_id))
