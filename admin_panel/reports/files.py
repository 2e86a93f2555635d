"""A report's rows as a file, written while they are read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from exchanger.kernel.csv_export import csv_pieces, defused
from exchanger.kernel.money.rounding import exactly

SHEET_ROWS = 1_048_576  # that a sheet can have, its header among them
CELL_CHARACTERS = 32_767
CUT = " … (cut: too long for a cell)"
NUMBER_DIGITS = 15  # that a spreadsheet's numbers keep

Rows = Iterable[Sequence[Sequence[Any]]]


def write_csv(path: Path, header: Sequence[str], chunks: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_pieces(header, chunks))


def write_xlsx(path: Path, header: Sequence[str], chunks: Rows) -> None:
    """One sheet, or as many as the rows need. What the library keeps meanwhile lies beside ``path``."""
    with Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True}) as book:
        pen = _Pen(book, header)
        for chunk in chunks:
            for row in chunk:
                pen.write(row)


WRITERS: Mapping[str, Callable[[Path, Sequence[str], Rows], None]] = {"csv": write_csv, "xlsx": write_xlsx}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class _Pen:
    """Writes row after row, and begins another sheet where one is full."""

    def __init__(self, book: Workbook, header: Sequence[str]) -> None:
        self._book, self._header = book, header
        self._bold = book.add_format({"bold": True})
        self._amount = book.add_format({"num_format": "#,##0.00######"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._begin_sheet()

    def write(self, row: Sequence[Any]) -> None:
        if self._line == SHEET_ROWS:
            self._begin_sheet()
        for place, value in enumerate(row):
            self._write(self._line, place, value)
        self._line += 1

    def _begin_sheet(self) -> None:
        self._sheet: Worksheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._header) - 1, 20)
        for place, title in enumerate(self._header):
            self._sheet.write_string(0, place, title, self._bold)
        self._line = 1

    def _write(self, line: int, place: int, value: Any) -> None:
        """Amounts are numbers while a spreadsheet keeps all their digits, and text beyond."""
        match value:
            case None:
                return
            case datetime():
                moment = value.astimezone(UTC).replace(tzinfo=None)
                self._sheet.write_datetime(line, place, moment, self._moment)
            case Decimal() if is_kept(value):
                self._sheet.write_number(line, place, float(value), self._amount)
            case Decimal():
                self._sheet.write_string(line, place, f"{value:f}")
            case int():
                self._sheet.write_number(line, place, value)
            case _:
                self._sheet.write_string(line, place, _fitting(defused(str(value))))


def _fitting(text: str) -> str:
    """The text, or as much of it as a cell takes; the CSV has the whole."""
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - len(CUT)] + CUT


def is_kept(number: Decimal) -> bool:
    """Whether a spreadsheet's number has all the digits of this one."""
    with exactly():
        return len(number.normalize().as_tuple().digits) <= NUMBER_DIGITS
