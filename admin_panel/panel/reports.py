"""Reports: asked for in a form of their kind, watched while they are made, downloaded, and tried again."""

from datetime import UTC
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesRadioFilter

from admin_panel.models import Report, ReportStatus
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column
from admin_panel.panel.filters import ExactFilter, PeriodFilter
from admin_panel.panel.labels import REPORT_LABELS
from admin_panel.panel.people import person_column
from admin_panel.panel.posted import PostedActions, back_to
from admin_panel.reports.answers import file_answer
from admin_panel.reports.forms import PeriodForm
from admin_panel.reports.kinds import KINDS, ReportKind, kinds_for
from admin_panel.services.actors import actor_of
from admin_panel.services.reports import MAY_REQUEST, report_download, report_request, report_retry

REFRESH_SECONDS = 2


@admin.register(Report)
class ReportAdmin(PostedActions, PanelAdmin):
    person_field = "generated_by"
    list_display = ("generated_at", "name", "format", "operator", "state", "share", "rows_written")
    list_filter = (("generated_at", PeriodFilter), ("type", ExactFilter), ("status", ChoicesRadioFilter))
    ordering = ("-generated_at", "-id")
    fields = (
        "id",
        "name",
        "type",
        "parameters",
        "operator",
        "generated_at",
        "state",
        "rows_written",
        "finished_at",
        "problem",
    )
    change_form_outer_after_template = "admin_panel/report.html"

    operator = person_column("Asked for by")

    @column("Status", labels=REPORT_LABELS)
    def state(self, report: Report) -> str:
        return report.status

    @column("Progress")
    def share(self, report: Report) -> str:
        return f"{report.progress} %" if report.under_way else "–"

    @column("Format")
    def format(self, report: Report) -> str:
        return str((report.parameters or {}).get("format", "–"))

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_REQUEST)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(f"<path:object_id>/{verb}/", self.posted(view), name=f"admin_panel_report_{verb}")
            for verb, view in (("download", self.download), ("retry", self.retry))
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            kind = KINDS.get(obj.type)
            sees = kind is not None and request.user.has_perm(kind.permission)
            context |= {
                "may_download": sees and obj.status == ReportStatus.DONE,
                "may_retry": sees and obj.status == ReportStatus.FAILED and request.user.has_perm(MAY_REQUEST),
            }
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)
        if obj is not None and obj.under_way:
            page.headers["Refresh"] = str(REFRESH_SECONDS)  # the browser asks again, without a script
        return page

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What kinds there are; then the form of the one that ``type`` names; then the report is under way."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        kinds = {kind.name: kind for kind in kinds_for(request.user)}
        kind = kinds.get(request.GET.get("type", ""))
        if kind is None:
            return self.form_page(request, "report_kinds.html", "New report", kinds=list(kinds.values()))
        form = self._form(request, kind)
        if form.is_valid():
            return self._asked(request, kind, form)
        return self.form_page(request, "report_form.html", f"New report: {kind.title}", form, extra_context)

    def download(self, request: HttpRequest, report: Report) -> HttpResponse:
        return file_answer(report, report_download(actor=actor_of(request), report=report))  # type: ignore[return-value]

    def retry(self, request: HttpRequest, report: Report) -> HttpResponse:
        report_retry(actor=actor_of(request), report=report)
        messages.success(request, f"{report.name}: it is tried again.")
        return back_to(report)

    def _form(self, request: HttpRequest, kind: ReportKind) -> PeriodForm:
        if request.method == "POST":
            return kind.form(request.POST)
        today = timezone.now().astimezone(UTC).date()
        return kind.form(initial={"since": today.replace(day=1), "until": today})

    def _asked(self, request: HttpRequest, kind: ReportKind, form: PeriodForm) -> HttpResponse:
        anew = "anew" in request.POST
        report = report_request(actor=actor_of(request), kind=kind, parameters=form.stored(), anew=anew)
        if report.status == ReportStatus.DONE:
            messages.info(
                request,
                f"Nothing has changed since {report.finished_at:%H:%M} UTC, when this report was made: here it is.",
            )
        else:
            messages.success(request, f"{report.name}: it is being made.")
        return back_to(report)
