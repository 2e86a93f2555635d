from typing import Any

from django.core.management.base import BaseCommand, CommandError

from web.verification import Discrepancy, ledger_verify


class Command(BaseCommand):
    help = "Recompute the ledger from orders and payments; print the first discrepancy and exit with 1 if there is one."

    def handle(self, *args: Any, **options: Any) -> None:
        verified = 0
        try:
            for verified in ledger_verify():
                if options["verbosity"] > 1:
                    self.stdout.write(f"{verified} orders …")
        except Discrepancy as found:
            raise CommandError(str(found)) from found
        self.stdout.write(f"The ledger agrees with all {verified} orders and their payments.")
