"""Reports become files, and old files go. Only workers come here.

A file is written in a folder of its report, then handed to the storage under the report's id, and then the row says
so: whoever dies in between leaves nothing that the next attempt does not replace or remove.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.models import F, QuerySet
from django.utils import timezone

from admin_panel.declared_settings import KEEP_REPORTS, read_setting
from admin_panel.models import Report, ReportStatus
from admin_panel.reports.files import WRITERS
from admin_panel.reports.kinds import WrongParameters
from admin_panel.reports.rows import Chunks
from admin_panel.services.audit import ALIAS
from admin_panel.services.reports import ReportRefused, kind_of

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
TOLD_SECONDS = 1.0  # between two notes of the progress
ABANDONED = timedelta(days=1)

_TRANSIENT = (OperationalError, InterfaceError, OSError)
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


class StillMade(Exception):
    """Another worker, which was taken for dead, is making the report."""


def report_make(*, report_id: UUID) -> None:
    """Make the file of a report that waits for it; of any other, nothing.

    Raises:
        StillMade, django.db.OperationalError, django.db.InterfaceError, OSError: to be tried again; the last of
            MOST_ATTEMPTS marks the report as failed instead.
    """
    with _alone(report_id):
        report = _begin(report_id)
        if report is None:
            return
        try:
            _make(report)
        except _TRANSIENT as error:
            connections[ALIAS].close_if_unusable_or_obsolete()
            if report.attempts < MOST_ATTEMPTS:
                _wait(report, error)
                raise
            logger.exception("Report %s is given up", report_id)
            _fail(report, f"It was tried {report.attempts} times; the last problem was {type(error).__name__}.")
        except (ReportRefused, WrongParameters) as refused:
            _fail(report, refused.message)
        except Exception as error:
            logger.exception("Report %s failed", report_id)
            _fail(report, f"{type(error).__name__}: the worker's log tells more.")


def reports_prune() -> int:
    """Delete the files of reports that are older than the setting ``reports.keep_days``; how many."""
    before = timezone.now() - timedelta(days=read_setting(KEEP_REPORTS))
    old = Report.objects.filter(status=ReportStatus.DONE, finished_at__lt=before)
    pruned = 0
    for report in old.iterator(chunk_size=100):
        # The file first: a crash in between leaves a row that says too much, and the next night mends it.
        storages["reports"].delete(report.file_path or "-")
        pruned += old.filter(pk=report.pk).update(status=ReportStatus.EXPIRED, file_path=None)
    abandoned = timezone.now() - ABANDONED
    _remove_unfinished(abandoned)
    _remove_unnamed(abandoned)
    return pruned


def _begin(report_id: UUID) -> Report | None:
    """The report as this worker's to make; None where there is nothing to do."""
    waiting = Report.objects.filter(pk=report_id, status__in=(ReportStatus.QUEUED, ReportStatus.RUNNING))
    if not waiting.update(
        status=ReportStatus.RUNNING, attempts=F("attempts") + 1, progress=0, rows_written=0, problem=""
    ):
        return None
    report = Report.objects.get(pk=report_id)
    if report.attempts <= MOST_ATTEMPTS:
        return report
    _fail(report, f"It was begun {MOST_ATTEMPTS} times, and each time the worker ended before it was done.")
    return None


def _make(report: Report) -> None:
    kind = kind_of(report)
    form = kind.read(report.parameters or {})
    fingerprint = kind.fingerprint(form)
    progress = _Progress(report, kind.steps(form.cleaned_data))
    format_ = form.cleaned_data["format"]
    with _folder(report) as folder:
        path = folder / f"{report.pk}.{format_}"
        WRITERS[format_](path, kind.header, progress.told(kind.chunks(form.cleaned_data)))
        with path.open("rb") as file:
            stored = storages["reports"].save(path.name, _Finished(file))
        _running(report).update(
            status=ReportStatus.DONE,
            file_path=stored,
            progress=100,
            rows_written=progress.rows,
            finished_at=timezone.now(),
            fingerprint=fingerprint,
        )


def _wait(report: Report, error: Exception) -> None:
    """Say that it will be tried again, where the database hears it."""
    with suppress(DatabaseError):
        problem = f"{type(error).__name__}: to be tried again."
        _running(report).update(status=ReportStatus.QUEUED, problem=problem)


def _fail(report: Report, problem: str) -> None:
    _running(report).update(status=ReportStatus.FAILED, problem=problem[:255], finished_at=timezone.now())


def _running(report: Report) -> QuerySet[Report]:
    return Report.objects.filter(pk=report.pk, status=ReportStatus.RUNNING)


class _Progress:
    """Counts the rows on their way to the file, and notes them in the report, at most once in TOLD_SECONDS."""

    def __init__(self, report: Report, steps: int) -> None:
        self.rows = 0
        self._report, self._steps = report, max(steps, 1)

    def told(self, chunks: Chunks) -> Chunks:
        noted = time.monotonic()
        for done, chunk in enumerate(chunks, start=1):
            yield chunk
            self.rows += len(chunk)
            if time.monotonic() - noted >= TOLD_SECONDS:
                percent = min(99, 100 * done // self._steps)  # the steps are an estimate
                _running(self._report).update(progress=percent, rows_written=self.rows)
                noted = time.monotonic()


class _Finished(File):
    """Says where it lies, so that a storage on the same disk moves it there instead of copying."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)

    def temporary_file_path(self) -> str:
        return str(self.name)


@contextmanager
def _alone(report_id: UUID) -> Iterator[None]:
    """A lock on the report that ends with the connection. Raises StillMade."""
    name = f"report {report_id}"
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_LOCK, [name])
        (locked,) = cursor.fetchone()
    if not locked:
        raise StillMade(f"Another worker is making report {report_id}")
    try:
        yield
    finally:
        with suppress(DatabaseError), connections[ALIAS].cursor() as cursor:
            cursor.execute(_UNLOCK, [name])


@contextmanager
def _folder(report: Report) -> Iterator[Path]:
    """An empty folder of the report's own, which is gone afterwards, also one that a killed worker left."""
    folder = _unfinished() / str(report.pk)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unfinished() -> Path:
    return Path(settings.REPORTS_ROOT) / "unfinished"


def _remove_unfinished(before: datetime) -> None:
    """Remove the folders of reports that nobody went on with."""
    if not _unfinished().exists():
        return
    for folder in _unfinished().iterdir():
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < before.timestamp():
                shutil.rmtree(folder, ignore_errors=True)


def _remove_unnamed(before: datetime) -> None:
    """Remove the files that no row names: the last attempt at each ended before its row said so."""
    storage = storages["reports"]
    with suppress(FileNotFoundError):
        _, names = storage.listdir("")
        named = set(Report.objects.exclude(file_path=None).values_list("file_path", flat=True))
        for name in names:
            if name not in named and storage.get_modified_time(name) < before:
                storage.delete(name)
