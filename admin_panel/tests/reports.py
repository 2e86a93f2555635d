"""What the tests of reports share: asking for one, making it, and reading its file."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from defusedxml import ElementTree
from django.conf import settings

from admin_panel.models import Report
from admin_panel.services.actors import Actor
from admin_panel.services.report_making import report_make
from admin_panel.services.reports import report_request
from identity.tests.factories import UserFactory

PERIOD = {"since": "2026-05-01", "until": "2026-05-31"}
INSIDE = datetime(2026, 5, 17, 12, 30, tzinfo=UTC)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def actor(*permissions: str) -> Actor:
    return Actor(UserFactory(permissions={"admin": permissions}).pk)


def asked(kind, *, operator=None, anew=False, **parameters) -> Report:
    return report_request(
        actor=operator or actor("*"), kind=kind, parameters={**PERIOD, "format": "csv", **parameters}, anew=anew
    )


def made(kind, **parameters) -> Report:
    """A report that is finished, in this process."""
    report = asked(kind, anew=True, **parameters)
    report_make(report_id=report.pk)
    report.refresh_from_db()
    return report


def path_of(report: Report) -> Path:
    return Path(settings.REPORTS_ROOT) / "files" / report.file_path


def files() -> list[str]:
    """All files and folders that reports have left."""
    root = Path(settings.REPORTS_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.name not in ("files", "unfinished"))


@contextmanager
def no_files() -> Iterator[None]:
    """None before, and none after."""
    shutil.rmtree(settings.REPORTS_ROOT, ignore_errors=True)
    yield
    shutil.rmtree(settings.REPORTS_ROOT, ignore_errors=True)


def sheets(path: Path) -> list[list[list[tuple[str, str]]]]:
    """The sheets of an XLSX file, by rows of ``(type, value)``: s is text, n a number."""
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None
        names = sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
        return [_rows(ElementTree.fromstring(book.read(name))) for name in names]


def _rows(sheet) -> list[list[tuple[str, str]]]:
    assert not list(sheet.iter(f"{_MAIN}f"))  # no formula
    return [[_cell(cell) for cell in row] for row in sheet.iter(f"{_MAIN}row")]


def _cell(cell) -> tuple[str, str]:
    if cell.get("t") == "inlineStr":
        return "s", "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    return "n", cell.find(f"{_MAIN}v").text
