"""The findings as a page of Markdown: what was compared, how, what came of it line by line, and a verdict."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from exchanger.legacy.batches import Batch
from exchanger.legacy.rejects import meaning_of
from exchanger.legacy.verification.checksums import BUCKET_DIGITS
from exchanger.legacy.verification.results import Findings, ReferenceResult, SumResult, TableResult

SAME, DIFFERENT = "same", "**DIFFERENT**"

_HOW = f"""Each side was asked apart, as it was at one moment, and only read. The old rows were turned by SQL on the old
server, by the mapping's terms; the new rows were read as they are. A column's checksum is the sum, over all rows in any
order, of the first 64 bits of MD5(key, value) of each row, with texts in UTF-8 and times in UTC; it was made for each
of {16**BUCKET_DIGITS:,} parts of a table. Rows that the import has told as rejected are counted, and left out of the
old side. No value is shown here, since it may be personal."""


def report(findings: Findings) -> str:
    """The whole page."""
    parts = [
        "# Verification of the import",
        _table(("", ""), _heading(findings)),
        _HOW,
        "## Rows",
        _table(("table", "old rows", "rejected", "expected", "found", ""), map(_rows, findings.tables)),
        "## Rejected rows",
        _table(("table", "reason", "rows", "meaning"), _rejected(findings.tables)),
        "## Columns",
        _table(("table", "column", "checksum of the old", "checksum of the new", ""), _columns(findings.tables)),
        "## Money",
        _table(("of", "status or event", "currency", "old", "", "new", "", ""), map(_sum, findings.money)),
    ]
    parts += [
        "## References across databases",
        _table(("column", "names", "ids", "lead nowhere", "rows", "first"), map(_reference, findings.references)),
    ]
    if any(table.differences for table in findings.tables):
        parts += [
            "## Differences",
            "The first rows of each kind, by their ids in the new database.",
            _table(("table", "what", "ids"), _differences(findings.tables)),
        ]
    if findings.not_compared:
        parts += ["## Not compared", _table(("column", "why"), findings.not_compared.items())]
    return "\n\n".join([*parts, f"**{verdict(findings)}**"]) + "\n"


def verdict(findings: Findings) -> str:
    """One sentence, which says whether the new databases hold what the old one did."""
    tables, sums, references = len(findings.tables), len(findings.money), len(findings.references)
    if findings.differences:
        return f"NOT THE SAME: {findings.differences} of {tables} tables, {sums} sums and {references} references."
    rows = sum(table.found for table in findings.tables)
    columns = sum(len(table.columns) for table in findings.tables)
    return (
        f"THE SAME: {rows:,} rows of {tables} tables, {columns} columns and {sums} sums agree,"
        f" and nothing leads nowhere in {references} references."
    )


def line(table: TableResult) -> str:
    """A table in one line, for whoever watches."""
    told = f"{table.table}: {table.found:,} rows, {len(table.columns)} columns"
    if table.same:
        return f"{told}: same"
    wrong = [column.name for column in table.columns if not column.same]
    return f"{told}: DIFFERENT ({table.expected:,} rows expected; columns {', '.join(wrong)})"


def _heading(findings: Findings) -> Iterator[tuple[str, str]]:
    yield "old database", findings.source
    yield "mapping", f"{findings.mapping}; times without a zone are of {findings.zone}"
    for batch in findings.batches:
        yield f"batch {batch.number}", _batch(batch)
    yield "made", f"{findings.began:%Y-%m-%d %H:%M:%S} UTC, in {findings.seconds:.0f} s"


def _batch(batch: Batch) -> str:
    since = f"what changed since {batch.since:%Y-%m-%d %H:%M:%S} UTC" if batch.since else "everything"
    return f"{since}, {len(batch.steps)} steps, begun {batch.started_at:%Y-%m-%d %H:%M:%S} UTC, {batch.state}"


def _rows(table: TableResult) -> tuple[str, ...]:
    rejected = sum(table.rejected.values())
    numbers = (f"{number:,}" for number in (table.old_rows, rejected, table.expected, table.found))
    return table.table, *numbers, SAME if table.expected == table.found else DIFFERENT


def _rejected(tables: Sequence[TableResult]) -> Iterator[tuple[str, ...]]:
    for table in tables:
        for reason, rows in sorted(table.rejected.items()):
            yield table.table, reason, f"{rows:,}", meaning_of(reason)


def _columns(tables: Sequence[TableResult]) -> Iterator[tuple[str, ...]]:
    for table in tables:
        for column in table.columns:
            yield table.table, column.name, str(column.old), str(column.new), SAME if column.same else DIFFERENT


def _sum(one: SumResult) -> tuple[str, ...]:
    old, new = (f"{side.normalize():,f}" for side in (one.old, one.new))
    rows = f"{one.old_rows:,}", f"{one.new_rows:,}"
    return one.what, one.status, one.currency, rows[0], old, rows[1], new, SAME if one.same else DIFFERENT


def _reference(one: ReferenceResult) -> tuple[str, ...]:
    return one.column, one.target, f"{one.ids:,}", f"{one.missing:,}", f"{one.rows:,}", ", ".join(one.first)


def _differences(tables: Sequence[TableResult]) -> Iterator[tuple[str, ...]]:
    for table in tables:
        for kind, found in groupby(table.differences, key=lambda difference: (difference.kind, difference.column)):
            what = f"{kind[1]} {kind[0]}" if kind[1] else kind[0]
            yield table.table, what, ", ".join(key for difference in found for key in difference.keys)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown whose columns stand under each other, so that it reads as text as well; ``none`` without rows."""
    listed = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    if not listed:
        return "none"
    widths = [max(len(cell) for cell in column) for column in zip(heads, *listed, strict=True)]
    lines = [[head.ljust(width) for head, width in zip(heads, widths, strict=True)], ["-" * max(3, w) for w in widths]]
    lines += [[_padded(cell, width) for cell, width in zip(row, widths, strict=True)] for row in listed]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _padded(cell: str, width: int) -> str:
    is_number = cell.replace(",", "").replace(".", "").lstrip("-").isdigit()
    return cell.rjust(width) if is_number else cell.ljust(width)
