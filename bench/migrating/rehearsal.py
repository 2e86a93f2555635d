"""The night in small: everything that is done then, one after the other, with what it took and what came of it."""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.migrating.changing import ZONE, Changes, work_on
from bench.migrating.flaws import flaws
from bench.migrating.importing import Importer, Ran
from bench.migrating.office import TABLES, Office
from bench.migrating.raw import copy_back, count, empty, filled_tables, kept_rows
from bench.promises import Promise
from exchanger.kernel.contexts import ALIASES
from exchanger.testing.servers import TestServers

KILLS = ((0.15, 0.45), (0.55, 0.85))  # between which shares of all rows
TIMES_RAW = 2.0  # that the import may take
MEASURABLE = 1_000_000  # rows, below which the start of three processes is most of what there is to measure
_REJECTS = "SELECT table_name, reason, count(*) FROM legacy.rejects WHERE batch = %s AND NOT taken GROUP BY 1, 2"
_TAKEN = "SELECT table_name, sum(taken), sum(changed) FROM legacy.chunks WHERE batch = %s GROUP BY 1"
_MB = 1_000_000

Counts = dict[str, dict[str, int]]
"""Rows of each table of each new database."""


@dataclass(slots=True)
class Rehearsal:
    """``flawed`` says how many rows of the old database have each flaw; ``folder`` takes the files that are written."""

    servers: TestServers
    old: psycopg.Connection
    office: Office
    flawed: dict[str, int]
    importer: Importer
    luck: random.Random
    folder: Path
    runs: list[Ran] = field(default_factory=list)
    found: list[Promise] = field(default_factory=list)

    def run(self) -> list[Promise]:
        """Do it all, and say what it took; returns what held."""
        before, rows = self._counts(), sum(count(self.old, table) for table in TABLES)
        print(f"The old database: {rows:,} rows of {len(TABLES)} tables, {sum(self.flawed.values()):,} with a flaw.\n")
        print(f"{'':<34}{'rows':>12}{'s':>9}{'rows a second':>15}{'peak MB':>9}")
        self._import(rows)
        taken = self._counts()
        with kept_rows(self.servers) as kept:
            self._verify("verification", rows)
            self._check_books()
            self._catch_up()
            self._verify("verification after it", rows)
            self._roll_back(before)
            self._compare_with_raw(kept, taken)
        return self.found

    def _import(self, rows: int) -> None:
        """Killed twice on the way, and gone on with by the same command."""
        arguments = self._arguments("rejects.csv")
        whole = rows + self.office.sound["orders"]  # the ledger's step goes through the orders once more
        for least, most in KILLS:
            self.runs.append(self.importer.take(*arguments, kill_at=int(whole * self.luck.uniform(least, most))))
        self.runs.append(self.importer.take(*arguments))
        if self.runs[-1].status:
            sys.exit(f"The import failed:\n{self.runs[-1].output}")
        told = [f"at {ran.killed_at:,} of {whole:,}" for ran in self.runs if ran.killed_at is not None]
        self._held("the import was killed twice and came to its end", self._whole(), ", ".join(told) or "never killed")
        self._row("import, killed twice", sum(map(sum, map(dict.values, self._counts().values()))), self.runs)
        made = Counter({(flaw.table, flaw.reason): 0 for flaw in flaws(self.office)})
        for flaw in flaws(self.office):
            made[flaw.table, flaw.reason] += self.flawed[flaw.name]
        found = self._rejects(1)
        wrong = [f"{table} {reason}" for table, reason in made | found if made[table, reason] != found[table, reason]]
        told = [f"{found.total():,} of {made.total():,} rows, {len(made)} kinds", *wrong]
        self._held("every flaw was found, and nothing else was rejected", not wrong, "; ".join(told))

    def _verify(self, name: str, rows: int) -> None:
        report = self.folder / f"{name.replace(' ', '-')}.md"
        ran = self.importer.take("--verify", "--report", str(report))
        self._row(name, rows, [ran])
        self._held(f"{name}: both sides hold the same", ran.status == 0, ran.last_line)

    def _check_books(self) -> None:
        for command, alias, table in (("verify_ledger", "web", "orders"), ("verify_audit", "admin", "audit_logs")):
            ran = self.importer.here(command)
            self._row(command, count(self.servers.superuser(alias), table), [ran])
            self._held(f"{command} finds nothing", ran.status == 0, ran.last_line)

    def _catch_up(self) -> None:
        since = datetime.now(UTC).isoformat()
        changes = work_on(self.old, self.office.seed, self.office.sound["orders"])
        ran = self.importer.take(*self._arguments("rejects-of-the-night.csv"), "--since", since)
        self._row("catch-up", sum(changes.new.values()) + sum(changes.changed.values()), [ran])
        taken, changed = self._taken(2)
        expected = Changes(changes.new, changes.changed)
        told = f"{sum(taken.values()):,} new, {sum(changed.values()):,} changed"
        self._held(
            "a catch-up took what was new and changed, and nothing else", expected == Changes(taken, changed), told
        )

    def _roll_back(self, before: Counts) -> None:
        rows = sum(map(sum, map(dict.values, self._counts().values())))
        ran = [self.importer.here("import_legacy", "--roll-back", number) for number in ("2", "1")]
        self._row("roll-back of both", rows, ran)
        left = {
            f"{alias}.{table}": number - before[alias].get(table, 0)
            for alias, tables in self._counts().items()
            for table, number in tables.items()
            if number != before[alias].get(table, 0)
        }
        self._held(
            "a roll-back left nothing", not left and not any(each.status for each in ran), str(left or "nothing")
        )

    def _compare_with_raw(self, kept: psycopg.Connection, taken: Counts) -> None:
        empty(self.servers)
        seconds = 0.0
        for alias, tables in taken.items():
            for table, rows in tables.items():
                took = copy_back(self.servers, kept, alias, table)
                seconds += took
                print(f"  raw COPY of {table:<20}{rows:>12,}{took:>9.1f}{rows / took:>15,.0f}")
        rows = sum(map(sum, map(dict.values, taken.values())))
        print(f"{'raw COPY of the same rows':<34}{rows:>12,}{seconds:>9.1f}{rows / seconds:>15,.0f}")
        times = sum(ran.seconds for ran in self.runs) / seconds
        print(f"\nThe import took {times:.2f} times as long as the raw COPY.")
        if rows >= MEASURABLE:
            self._held(f"the import is within {TIMES_RAW:g} times a raw COPY", times <= TIMES_RAW, f"{times:.2f} times")

    def _arguments(self, rejects: str) -> list[str]:
        return ["--zone", ZONE, "--max-rejects", "50%", "--rejects", str(self.folder / rejects)]

    def _whole(self) -> bool:
        *killed, last = self.runs
        return last.status == 0 and all(ran.killed_at is not None for ran in killed)

    def _counts(self) -> Counts:
        return {alias: filled_tables(self.servers.superuser(alias)) for alias in ALIASES}

    def _rejects(self, batch: int) -> Counter[tuple[str, str]]:
        return Counter({(table, reason): rows for table, reason, rows in self._asked(_REJECTS, batch)})

    def _taken(self, batch: int) -> tuple[dict[str, int], dict[str, int]]:
        """Of the old platform's own tables: what a batch took anew, and what it changed."""
        found = [row for row in self._asked(_TAKEN, batch) if row[0] in TABLES]
        return ({table: n for table, n, _ in found if n}, {table: n for table, _, n in found if n})

    def _asked(self, query: str, batch: int) -> Iterator[tuple]:
        for alias in ALIASES:
            yield from self.servers.superuser(alias).execute(query, (batch,)).fetchall()

    def _row(self, name: str, rows: int, runs: list[Ran]) -> None:
        seconds, peak = sum(ran.seconds for ran in runs), max(ran.peak for ran in runs) / _MB
        told = f"{peak:>9.0f}" if peak else ""
        print(f"{name:<34}{rows:>12,}{seconds:>9.1f}{rows / seconds:>15,.0f}{told}", flush=True)
        for ran in runs:
            if ran.status and ran.killed_at is None:
                print(ran.output)

    def _held(self, text: str, held: bool, measured: str) -> None:
        self.found.append(Promise(text, held, measured))
