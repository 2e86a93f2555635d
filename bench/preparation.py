"""The bench's own process: maintenance on throwaway servers, with the schema in place."""

import io
import os

from exchanger.testing.servers import TestServers


def migrate(servers: TestServers) -> None:
    """Be maintenance, and make the tables. Models can be imported from then on."""
    os.environ.update(servers.environments.for_process(""))
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchanger.settings"

    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0, stdout=io.StringIO())
    connections.close_all()
