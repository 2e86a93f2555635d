import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from exchanger.kernel.contexts import Context, current_or_none
from exchanger.kernel.old_sessions import KEY_PREFIXES
from identity.management.batches import Progress, finishing_the_batch
from identity.old_sessions import rows
from identity.old_sessions.importing import Outcome, move_batch
from identity.old_sessions.keys import moved_id
from identity.old_sessions.redis_sessions import RedisSessions
from identity.old_sessions.row_sessions import DJANGO_TABLE, SESSIONS_TABLE, OtherShape, RowSessions
from identity.old_sessions.rows import Taken
from identity.old_sessions.stored import Stored, read_ahead

BATCH = 1000
TABLES = (SESSIONS_TABLE, DJANGO_TABLE)


class Command(BaseCommand):
    help = (
        "Move an older platform's sessions here, so that people stay logged in: from its Redis, its database or both. "
        "Each batch is a transaction of its own; run it again whenever it was stopped, it takes each session once. "
        "An old session names no application: --map says whose a pattern of keys or a table is, and without it all "
        "are web's. The old SECRET_KEY of a Django platform is read from EXCHANGER_LEGACY_SECRET_KEYS, and when the "
        "older platform stopped to serve from EXCHANGER_LEGACY_UNTIL. See docs/old-sessions.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--redis",
            nargs="?",
            default="",
            const=settings.OLD_PLATFORM.redis_url,
            help="redis://… of the older platform; without a URL that of EXCHANGER_LEGACY_REDIS_URL, whose password is "
            "then not in the list of processes.",
        )
        parser.add_argument(
            "--database", default="", help="postgresql://… of the older platform; its password may be in PGPASSWORD."
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            type=_mapping,
            metavar="PATTERN=CONTEXT",
            help="Whose the keys of a pattern ('sess:*=web') or the rows of a table ('django_session=admin') are; "
            "may be repeated. Without a pattern: sess:*, session:* and Django's cache are web's, and so are tables.",
        )
        parser.add_argument("--zone", type=_zone, default="UTC", help="The zone of zoneless times (%(default)s).")
        parser.add_argument("--rejects", type=Path, help="A CSV file for what was not taken, and why; no usable keys.")
        parser.add_argument(
            "--remove", action="store_true", help="Delete a key of the old Redis when it is a row here."
        )
        parser.add_argument("--dry-run", action="store_true", help="Change nothing, here or there, and say the same.")
        parser.add_argument(
            "--forget",
            action="store_true",
            help="Instead: the move is over, and no process has old cookies in its environment any more. Ends the "
            "sessions whose cookies have not come, and empties the list of those that were moved.",
        )
        parser.add_argument("--batch", type=_positive, default=BATCH, help="Sessions at a time (%(default)s).")

    def handle(self, *args: Any, **options: Any) -> None:
        if current_or_none() is not None:
            raise CommandError("Sessions of all applications are moved by the owner: leave EXCHANGER_CONTEXT out.")
        if options["forget"]:
            self._forget(options)
            return
        if not options["redis"] and not options["database"]:
            raise CommandError("Say where the old sessions are: --redis redis://… or --database postgresql://…")
        counts: Counter[str] = Counter()
        try:
            with finishing_the_batch() as stopped, _rejects(options["rejects"]) as rejects:
                for source in self._sources(options):
                    self._move(source, stopped, rejects, counts, options)
                    if stopped.is_set():
                        break
                self._tell(counts, dry_run=options["dry_run"])
        except OtherShape as error:
            raise CommandError(str(error)) from error
        except (RedisError, psycopg.Error) as error:
            raise CommandError(
                f"The older platform's store failed ({type(error).__name__}). What was taken stays: run it again."
            ) from error

    def _forget(self, options: dict[str, Any]) -> None:
        if options["redis"] or options["database"]:
            raise CommandError("--forget ends the move: give it alone.")
        waiting, notes = rows.forget_all()
        self.stdout.write(f"{notes:,} moves forgotten; {waiting:,} sessions had waited for their cookies in vain.")

    def _sources(self, options: dict[str, Any]) -> Iterator[RedisSessions | RowSessions]:
        mapped: dict[str, Context] = dict(options["map"])
        if options["redis"]:
            prefixes = {name[:-1]: context for name, context in mapped.items() if name not in TABLES}
            usual = dict.fromkeys(KEY_PREFIXES.values(), Context.WEB)
            yield RedisSessions(options["redis"], prefixes or usual, batch=options["batch"])
        if options["database"]:
            yield RowSessions(
                options["database"],
                {table: mapped.get(table, Context.WEB) for table in TABLES},
                zone=options["zone"],
                secret_keys=settings.OLD_PLATFORM.secret_keys,
                batch=options["batch"],
            )

    def _move(
        self,
        source: RedisSessions | RowSessions,
        stopped: Any,
        rejects: "_Rejects | None",
        counts: Counter[str],
        options: dict[str, Any],
    ) -> None:
        platform, dry_run = settings.OLD_PLATFORM, options["dry_run"]
        progress = Progress(self.stdout, source.about(), things="old sessions", done="read")
        for batch in read_ahead(source.batches()):
            outcome = move_batch(batch, until=platform.until, secret_keys=platform.secret_keys, dry_run=dry_run)
            if options["remove"] and not dry_run and isinstance(source, RedisSessions):
                source.remove([stored.place for stored in outcome.moved])
            _count(counts, outcome)
            if rejects is not None:
                rejects.add(outcome)
            progress.add(len(batch))
            if stopped.is_set():
                break
        self.stdout.write(progress.summary())

    def _tell(self, counts: Counter[str], *, dry_run: bool) -> None:
        would = "would be " if dry_run else ""
        self.stdout.write(f"{counts.pop(Taken.NEW, 0):,} {would}taken, {counts.pop(Taken.ALREADY, 0):,} taken before.")
        for reason, number in counts.most_common():
            self.stdout.write(f"{number:,} not taken: {reason}.")


class _Rejects:
    """A CSV file of what was not taken. A key would open a session, so a hash of it stands for it."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(["source", "context", "key_begins", "key_hash", "user_id", "reason"])

    def add(self, outcome: Outcome) -> None:
        for stored, reason in outcome.rejected:
            user_id = "" if stored.session is None else stored.session.user_id
            self._writer.writerow(
                [stored.source, stored.context or "", _begins(stored), moved_id(stored.key), user_id, reason]
            )


@contextmanager
def _rejects(path: Path | None) -> Iterator[_Rejects | None]:
    if path is None:
        yield None
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _Rejects(file)


def _begins(stored: Stored) -> str:
    """Enough of a key to find it by, and too little to use it."""
    return stored.key[: min(4, len(stored.key) // 4)]


def _count(counts: Counter[str], outcome: Outcome) -> None:
    counts.update(outcome.counts)
    counts.update(reason for _, reason in outcome.rejected)


def _mapping(text: str) -> tuple[str, Context]:
    name, _, context = text.rpartition("=")
    if context not in set(Context):
        raise argparse.ArgumentTypeError(f"{text!r} names no application: {', '.join(Context)}")
    if name not in TABLES and (not name.endswith("*") or name == "*"):
        raise argparse.ArgumentTypeError(f"{name!r} is no beginning of keys, like sess:*, and no table of sessions")
    return name, Context(context)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone, like Europe/Kyiv") from None


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a batch holds at least one session")
    return number
