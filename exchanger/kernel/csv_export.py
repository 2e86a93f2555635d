"""A list as CSV: streamed, so that a million rows need no more memory than a thousand."""

import csv
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, ClassVar, TypeVar

from django.db import InterfaceError, OperationalError
from django.db.models import Model
from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from exchanger.kernel.pagination import keyset_chunks

logger = logging.getLogger(__name__)

INCOMPLETE = "INCOMPLETE: a server stopped answering. Ask for this file again."
CHUNK = 1000  # rows that are read, and held, at a time
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

M = TypeVar("M", bound=Model)


class CSVRenderer(BaseRenderer):
    """Lets Accept and ``?format=`` ask for CSV; the view itself streams it."""

    media_type = "text/csv"
    format = "csv"


class CSVList(GenericAPIView[M]):
    """A list view that answers ``Accept: text/csv`` or ``?format=csv`` with all rows that its filters let through.

    ``csv_columns`` are the header's names with what they show of a row. The rows are read by keyset, as pages are: no
    cursor is held open on the server, so a pooler that shares connections by transaction serves it too.
    """

    renderer_classes = [JSONRenderer, CSVRenderer]
    csv_name: ClassVar[str]
    csv_columns: ClassVar[Mapping[str, Callable[[Any], Any]]]
    ordering: Sequence[str]

    def csv_response(self) -> StreamingHttpResponse:
        """The file. The first rows are read at once, so that what fails then fails as every other request does."""
        chunks = keyset_chunks(self.filter_queryset(self.get_queryset()), self.ordering, CHUNK)
        first = next(chunks, [])
        columns = self.csv_columns
        rows = ([[read(row) for read in columns.values()] for row in chunk] for chunk in chain([first], chunks))
        name = f"{self.csv_name}-{timezone.now():%Y-%m-%d}.csv"
        return StreamingHttpResponse(
            _told_if_cut(csv_pieces(list(columns), rows)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def wants_csv(self, request: Request) -> bool:
        return isinstance(request.accepted_renderer, CSVRenderer)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Whatever is not the file itself, such as an error, is JSON as everywhere."""
        if not response.streaming and isinstance(getattr(request, "accepted_renderer", None), CSVRenderer):
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


def _told_if_cut(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces; if a database stops answering between them, a last line says that the file is not whole.

    The status has been sent by then, and a server ends the body of a request that fails as if it were complete.
    """
    try:
        yield from pieces
    except (OperationalError, InterfaceError) as error:
        logger.error("A database did not answer in the middle of a CSV file: %s", error)  # noqa: TRY400
        yield f"{INCOMPLETE}\r\n"


def csv_pieces(header: Sequence[str], chunks: Iterable[Iterable[Sequence[Any]]]) -> Iterator[str]:
    """The text of the header, then of each chunk of rows."""
    for rows in chain([[header]], chunks):
        text = io.StringIO()
        csv.writer(text).writerows([cell(value) for value in row] for row in rows)
        yield text.getvalue()


def cell(value: Any) -> str:
    """A value as a cell: numbers plain, moments in UTC, and text that no spreadsheet takes for a formula."""
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return defused(str(value))


def defused(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
