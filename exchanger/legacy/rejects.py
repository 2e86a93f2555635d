"""The rejects file: every old row that was not taken, or not whole, with the reason in words."""

import csv
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

import psycopg

REASONS: Final = {
    "missing": "There is no value, and there has to be one.",
    "too_long": "The text is longer than the new column.",
    "not_a_uuid": "This is no UUID.",
    "not_a_boolean": "This is neither true nor false.",
    "not_an_integer": "This is no whole number of 64 bits.",
    "not_json": "This is no JSON that PostgreSQL keeps (it keeps no NUL).",
    "not_an_address": "This is no IP address.",
    "not_an_email": "This is no e-mail address.",
    "not_a_time": "This is no time.",
    "time_out_of_range": "The time is outside the years 1 to 9999.",
    "not_a_number": "This is no number.",
    "not_an_amount": "This is no number.",
    "too_large": "The number has more digits than the new column.",
    "not_positive": "An amount or a rate is above zero.",
    "too_many_decimals": "The number has more than eight decimals, and rounding it would change it.",
    "currency_unknown": "The platform has no such currency: map the code under [currencies], or add it to it.",
    "status_unknown": "There is no such status: map the word under [statuses].",
    "context_unknown": "There is no such application: web, admin and telegram are.",
    "permission_unknown": "The permission means nothing in its context: map it under [permissions].",
    "duplicate": "An earlier row has the same value; detail is its old key.",
    "no_such_row": "The old database has no such row.",
    "not_taken": "The row that it refers to was not taken.",
    "same_currency": "An exchange is between two currencies.",
    "period_empty": "The period ends before it begins, or another rate of the pair begins at the same moment.",
    "period_overlaps": "Another rate of the pair is valid meanwhile; detail is its id.",
    "taken": "Another row has the same value; detail is its id.",
    "conflict": "An index of the new table refused it.",
    "changed_here": "It was changed on the new platform since it was imported, and stays as it is there.",
    "hash_unknown": "Taken, but nobody's password fits: the platform cannot check such a hash. A reset mail helps.",
    "language_unknown": "Taken in English: the platform does not speak that language.",
    "time_zone_unknown": "Taken with UTC: there is no such time zone.",
    "not_paid_for": "The order is paid, and no payment that was taken brought its amount.",
    "payout_out_of_range": "What the client got is less than the currency's smallest unit, or more than can be booked.",
    "order_not_taken": "Its order was taken out again: see there.",
}
_HEADER: Final = ("step", "old_key", "id", "reason", "meaning", "detail", "taken", "row")
_ROWS: Final = """
SELECT step, coalesce(old_key, id::text, ''), coalesce(id::text, ''), reason, detail, taken, coalesce(row::text, '')
FROM legacy.rejects WHERE batch = %s ORDER BY step, reason, old_key, id
"""


def meaning_of(reason: str) -> str:
    """A reason's code (``amount:not_positive``) in words."""
    return REASONS.get(reason.rpartition(":")[2], "")


def write_rejects(connections: Mapping[str, psycopg.Connection], batch: int, path: Path | None) -> int:
    """Write the batch's rejects to a CSV file that its owner alone reads, if ``path`` is given; returns how many.

    The rows hold people's data, and no password's hash.

    Raises:
        OSError: the file cannot be written.
    """
    count = 0
    with _opened(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for connection in connections.values():
            with connection.cursor("rejects") as cursor:
                cursor.itersize = 5000
                for step, key, row_id, reason, detail, taken, row in cursor.execute(_ROWS, (batch,)):
                    writer.writerow(
                        (step, key, row_id, reason, meaning_of(reason), detail, "yes" if taken else "no", row)
                    )
                    count += 1
    return count


def check_writable(path: Path | None) -> None:
    """Raises OSError where the file could not be written at the end either."""
    _opened(path, "a").close()


def _opened(path: Path | None, mode: str) -> IO[str]:
    return open(os.devnull if path is None else path, mode, encoding="utf-8", newline="", opener=_private)


def _private(path: str, flags: int) -> int:
    file = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.fchmod(file, 0o600)  # one that was there may be open to others
    return file
