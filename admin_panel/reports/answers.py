"""A report's file as the answer to a request."""

from django.core.files import File
from django.http import FileResponse

from admin_panel.models import Report
from admin_panel.reports.files import CONTENT_TYPES


def file_answer(report: Report, file: "File[bytes]") -> FileResponse:
    """``file`` under the name of its report: its type and period."""
    parameters = report.parameters or {}
    kind = str(parameters.get("format"))
    name = f"{report.type}-{parameters.get('since')}-{parameters.get('until')}.{kind}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=CONTENT_TYPES.get(kind))
