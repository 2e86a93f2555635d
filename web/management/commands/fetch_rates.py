from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchanger.kernel.contexts import Context, ForeignContext, NoContext, require
from web.configuration import NotConfigured
from web.feeds.providers import PROVIDERS
from web.services.feeds import rates_fetch


class Command(BaseCommand):
    help = "Ask the configured providers for rates and put them into force; ends with 1 when none answered."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", choices=sorted(PROVIDERS), help="ask this one alone, configured or not")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require(Context.WEB)
            report = rates_fetch(provider=options["provider"], dry_run=options["dry_run"])
        except (NoContext, ForeignContext) as error:
            raise CommandError("Rates belong to the web application: set EXCHANGER_CONTEXT=web.") from error
        except NotConfigured as error:
            raise CommandError("Nothing is published for the web application: publish a configuration.") from error
        for offer, outcome in report.offers:
            self.stdout.write(f"{offer.pair.title:<9} {offer.rate:>18f}  {offer.source}: {outcome}")
        for name, reason in report.failures:
            self.stderr.write(f"{name}: {reason}")
        if report.missing:
            self.stderr.write(f"No rate of {', '.join(report.missing)}.")
        if options["dry_run"]:
            self.stdout.write("A dry run: nothing was changed.")
        if report.failures and not report.offers:
            raise CommandError("No provider gave rates.")
