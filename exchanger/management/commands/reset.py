import shutil
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchanger.kernel.contexts import SPECS, Context
from exchanger.local.paths import checkout_paths
from exchanger.local.servers import LocalServers
from exchanger.local.supervisor import Supervisor


class Command(BaseCommand):
    help = "Stop this checkout's local servers and delete all their data."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        servers = LocalServers(checkout_paths())
        if not servers.paths.root.exists():
            self.stdout.write("There is nothing to delete.")
            return
        if not options["yes"] and input(f"Delete {servers.paths.root} and all its data? [y/N] ").lower() != "y":
            self.stdout.write("Nothing was deleted.")
            return
        Supervisor(servers, SPECS[Context.WEB].port).end_leftovers()
        servers.stop()
        shutil.rmtree(servers.paths.root)
        if servers.paths.sockets.exists():
            shutil.rmtree(servers.paths.sockets)
        self.stdout.write("Deleted. The next make up starts over.")
