import json
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from admin_panel.verification import Bent, Head, read_head, verify_trail


class Command(BaseCommand):
    help = (
        "Recompute the audit trail's chain of hashes, and fail on the first row that was changed, deleted, inserted or "
        "moved. Run it as the owner or as the admin context. A tail that was cut off shows only against an earlier "
        "head that was kept elsewhere: --head prints one, --anchor checks it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--head", action="store_true", help="Verify nothing; print the chain's head, a line of JSON.")
        what.add_argument(
            "--anchor", type=Path, metavar="FILE", help="Heads printed earlier, one a line, to find again."
        )

    def handle(self, *args: Any, head: bool, anchor: Path | None, **options: Any) -> None:
        try:
            if head:
                self._print_head()
            else:
                self._verify(_read(anchor) if anchor else [])
        except (OperationalError, ImproperlyConfigured) as error:
            raise CommandError(f"The admin database cannot be read: {error}".strip()) from error

    def _print_head(self) -> None:
        found = read_head()
        if found is None:
            raise CommandError("The chain is empty: there is nothing to anchor yet.")
        self.stdout.write(json.dumps({"seq": found.seq, "hash": found.hash, "time": found.time.isoformat()}))

    def _verify(self, anchors: list[Head]) -> None:
        try:
            verified = verify_trail(anchors)
        except Bent as bent:
            raise CommandError(f"The audit trail is bent: {bent}.") from bent
        found = f", the head is {verified.head.hash}" if verified.head else ""
        kept = f", {len(anchors)} anchored heads are in it" if anchors else ""
        self.stdout.write(f"The audit trail is whole: {verified.links:,} links{found}{kept}.")


def _read(file: Path) -> list[Head]:
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        heads = [Head(int(line["seq"]), str(line["hash"]), datetime.fromisoformat(line["time"])) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{file} cannot be read as heads that --head has printed: {error}") from error
    if not heads:
        raise CommandError(f"{file} holds no head, so nothing can be checked against it.")
    return heads
