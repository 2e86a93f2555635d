"""What the processor remembers, in SQLite: charges, refunds, and the calls that it has yet to make."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (payment_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refunds (key TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY, url TEXT NOT NULL, body TEXT NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL
);
"""
Call = tuple[int, str, str, int]
"""Its number, where it goes, what it says, and how often it was tried."""


class Books:
    """``path`` is a file, or ``:memory:``. One thread writes at a time."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(SCHEMA)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All of the block is remembered, or nothing of it."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def charge(self, payment_id: str) -> dict[str, Any] | None:
        return self._read("SELECT document FROM charges WHERE payment_id = ?", payment_id)

    def refund(self, key: str) -> dict[str, Any] | None:
        return self._read("SELECT document FROM refunds WHERE key = ?", key)

    def refunds(self, payment_id: str) -> list[dict[str, Any]]:
        with self._lock:
            found = [json.loads(row[0]) for row in self._database.execute("SELECT document FROM refunds")]
        return [refund for refund in found if refund["payment_id"] == payment_id]

    def keep_charge(self, charge: dict[str, Any]) -> None:
        self._write("INSERT OR REPLACE INTO charges VALUES (?, ?)", charge["payment_id"], json.dumps(charge))

    def keep_refund(self, key: str, refund: dict[str, Any]) -> None:
        self._write("INSERT INTO refunds VALUES (?, ?)", key, json.dumps(refund))

    def add_call(self, url: str, event: dict[str, Any], due: float) -> None:
        statement = "INSERT INTO calls (url, body, due, attempts) VALUES (?, ?, ?, 0)"
        self._write(statement, url, json.dumps(event), due)

    def calls(self, until: float) -> list[Call]:
        with self._lock:
            statement = "SELECT number, url, body, attempts FROM calls WHERE due <= ? ORDER BY due, number"
            return list(self._database.execute(statement, (until,)))

    def made(self, number: int) -> None:
        self._write("DELETE FROM calls WHERE number = ?", number)

    def put_off(self, number: int, due: float) -> None:
        self._write("UPDATE calls SET due = ?, attempts = attempts + 1 WHERE number = ?", due, number)

    def redirect(self, url: str) -> None:
        """Make all calls that are waiting elsewhere: the merchant has moved."""
        self._write("UPDATE calls SET url = ?", url)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _read(self, statement: str, key: str) -> dict[str, Any] | None:
        with self._lock:
            row = self._database.execute(statement, (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def _write(self, statement: str, *values: Any) -> None:
        with self._lock:
            self._database.execute(statement, values)
