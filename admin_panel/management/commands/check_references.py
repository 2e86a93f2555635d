from typing import Any

from django.core.management.base import BaseCommand, CommandError

from admin_panel.references.checking import references_check
from exchanger.kernel.contexts import Context, current_or_none


class Command(BaseCommand):
    help = (
        "Look up every id that names a row without a foreign key, such as the people whom orders name, and list those "
        "that are not there: the column, how many rows, and the first ids. Exits with 1 if there is one. It changes "
        "nothing, and may run at any time, as the owner or as the admin context, whose workers do it each night."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if current_or_none() not in (None, Context.ADMIN):
            raise CommandError("Only the owner and the admin context see all four databases: set no other context.")
        columns = orphans = 0
        for checked in references_check():
            columns += 1
            if checked.missing:
                orphans += checked.rows
                first = ", ".join(map(str, checked.first)) + (", …" if checked.missing > len(checked.first) else "")
                self.stdout.write(
                    f"{checked.reference}: {checked.rows:,} rows name {checked.missing:,} that are not in "
                    f"{checked.reference.target.alias}.{checked.reference.target.table}: {first}"
                )
            elif options["verbosity"] > 1:
                self.stdout.write(f"{checked.reference}: {checked.ids:,} ids, all there")
        if orphans:
            raise CommandError(f"{orphans:,} rows name what is not there.")
        self.stdout.write(f"Everything that {columns} columns name is there.")
