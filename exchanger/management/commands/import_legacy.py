from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from exchanger.kernel.contexts import current_or_none
from exchanger.legacy.batches import ImportRefused, all_targets, only_run, read_batches, seal_batch
from exchanger.legacy.mapping import Mapping, WrongMapping, read_mapping, shipped_mappings
from exchanger.legacy.progress import Bars, Lines, Shown
from exchanger.legacy.report import batch_lines, outcome_lines
from exchanger.legacy.rollback import RollBack
from exchanger.legacy.run import Import, Limit, TooManyRejects, Wanted
from exchanger.legacy.source import Source, SourceUnreadable
from exchanger.legacy.verification.report import line, report, verdict
from exchanger.legacy.verification.verify import verify

_GO_ON = "What was taken stays. Run the same command again to go on from there."


class Command(BaseCommand):
    help = (
        "Fill the four databases from the old platform's single one. Interrupted, it goes on where it was when it is "
        "run again; run again after that, it takes what is new. Run it as the owner, with no EXCHANGER_CONTEXT."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--source",
            metavar="URL",
            help="The old database, postgresql://LOGIN@HOST/DATABASE. A password may stand in PGPASSWORD or ~/.pgpass.",
        )
        what.add_argument("--status", action="store_true", help="List the batches, and do nothing.")
        what.add_argument("--roll-back", type=int, metavar="BATCH", help="Take out again what a batch has brought.")
        what.add_argument("--seal", type=int, metavar="BATCH", help="Give up the way back, and keep the counts.")
        parser.add_argument(
            "--mapping",
            default="source",
            metavar="NAME|FILE",
            help=f"Where its values are: {', '.join(shipped_mappings())}, or a TOML file. Default: source.",
        )
        parser.add_argument("--zone", help="The time zone of its times that name none, instead of the mapping's.")
        parser.add_argument("--only", default="", metavar="STEP,…", help="These steps alone.")
        parser.add_argument(
            "--since", metavar="TIME", help="Only rows that have changed since then, as far as their table tells."
        )
        parser.add_argument("--dry-run", action="store_true", help="Do it all, and commit nothing.")
        parser.add_argument(
            "--rejects",
            type=Path,
            metavar="FILE",
            help="Where to write what was not taken (CSV). Default: rejects.csv.",
        )
        parser.add_argument(
            "--max-rejects", default="5%", metavar="N|P%", help="Stop when a step rejects more. Default: 5%%."
        )
        parser.add_argument(
            "--even-changed", action="store_true", help="--roll-back: also what has been worked on here since."
        )
        parser.add_argument(
            "--verify", action="store_true", help="Import nothing; compare the new databases with the old one."
        )
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="--verify: where to write it. Default: verification.md."
        )
        parser.add_argument("--keep-audit", action="store_true", help="--roll-back: leave the audit trail as it is.")

    def handle(self, *args: Any, **options: Any) -> None:
        if current_or_none() is not None:
            raise CommandError("Only the owner imports: run this without EXCHANGER_CONTEXT, with the owner's URLs.")
        with _told():
            if options["status"]:
                self._status()
            elif options["roll_back"] is not None:
                self._roll_back(options["roll_back"], options["even_changed"], options["keep_audit"])
            elif options["seal"] is not None:
                self._seal(options["seal"])
            elif options["verify"]:
                self._verify(options)
            else:
                self._import(options)

    def _import(self, options: dict[str, Any]) -> None:
        mapping = read_mapping(options["mapping"], options["zone"])
        wanted = Wanted(
            source=Source(options["source"]),
            mapping=mapping,
            only=[name for name in options["only"].split(",") if name],
            since=_moment(options["since"], mapping) if options["since"] else None,
            dry=options["dry_run"],
            limit=_limit(options["max_rejects"]),
            rejects=options["rejects"] or Path("rejects.csv"),
        )
        with self._shown() as shown:
            outcome = Import(wanted, shown).run()
        self.stdout.writelines(f"{line}\n" for line in outcome_lines(outcome, wanted))

    def _status(self) -> None:
        with all_targets() as connections:
            lines = batch_lines(read_batches(connections))
        self.stdout.writelines(f"{line}\n" for line in lines or ["Nothing has been imported."])

    def _roll_back(self, number: int, even_changed: bool, keep_audit: bool) -> None:
        with only_run(), all_targets() as connections:
            counts = RollBack(connections, even_changed=even_changed, keep_audit=keep_audit).run(number)
        for table, count in counts.items():
            self.stdout.write(f"  {count:>12,} {table}")
        self.stdout.write(f"Batch {number} is taken out: {sum(counts.values()):,} rows.")

    def _seal(self, number: int) -> None:
        with only_run(), all_targets() as connections:
            seal_batch(connections, number)
            for connection in connections.values():
                connection.commit()
        self.stdout.write(f"Batch {number} is sealed: it cannot be taken out any more.")

    def _verify(self, options: dict[str, Any]) -> None:
        path = options["report"] or Path("verification.md")
        with Source(options["source"]).opened() as old, all_targets() as connections:
            batches = [batch for batch in read_batches(connections) if batch.state != "rolled back"]
            if not batches:
                raise ImportRefused("Nothing has been imported, so there is nothing to verify.")
            mapping = read_mapping(options["mapping"], options["zone"] or batches[-1].zone)
            findings = verify(old, connections, mapping, batches, told=lambda table: self._line(line(table)))
        path.write_text(report(findings), encoding="utf-8")
        self._line(f"{verdict(findings)} {path} says what was compared.")
        if findings.differences:
            raise SystemExit(1)

    @contextmanager
    def _shown(self) -> Iterator[Shown]:
        if self.stdout.isatty():
            with Bars(Console()) as bars:
                yield bars
        else:
            yield Lines(self._line)

    def _line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


@contextmanager
def _told() -> Iterator[None]:
    """Failures in words, with what to do."""
    try:
        yield
    except (ImportRefused, WrongMapping) as error:
        raise CommandError(str(error)) from error
    except SourceUnreadable as error:
        raise CommandError(f"{error}. {_GO_ON}") from error
    except TooManyRejects as error:
        raise CommandError(
            f"{error} The rejects file says why. {_GO_ON} A row that is mended in the old database comes with the run "
            "after this batch; --max-rejects raises the threshold."
        ) from error
    except KeyboardInterrupt:
        raise CommandError(f"Stopped. {_GO_ON}") from None
    except (psycopg.OperationalError, ImproperlyConfigured) as error:
        raise CommandError(f"A database does not answer: {str(error).partition(chr(10))[0]}. {_GO_ON}") from error
    except psycopg.errors.UndefinedTable as error:
        raise CommandError(
            f"A table is missing: run manage.py migrate first. ({error.diag.message_primary})"
        ) from error
    except psycopg.Error as error:
        raise CommandError(f"PostgreSQL refused: {str(error).partition(chr(10))[0]}. {_GO_ON}") from error
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}. {_GO_ON}") from error


def _limit(text: str) -> Limit:
    try:
        return Limit.parse(text)
    except ValueError as error:
        raise CommandError(f"--max-rejects {text}: give a number of rows, or a share like 2.5%.") from error


def _moment(text: str, mapping: Mapping) -> datetime:
    """A moment; one that names no zone is of the old platform's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--since {text}: give a time like 2026-11-23T20:00 or 2026-11-23T20:00+02:00.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(mapping.conventions.zone))
