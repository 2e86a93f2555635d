from typing import Any

from django.apps import apps
from django.contrib.contenttypes.management import create_contenttypes
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate

from exchanger.isolation.grants import apply_grants, forget_grants
from exchanger.kernel.contexts import ALIASES, IDENTITY, apps_of, current_or_none


class Command(DjangoMigrate):
    """Django's own, taught that each database has its own apps, and followed by that database's grants."""

    help = "Migrate one database with its own apps (--database), or all four in order; then apply its grants."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)
        database = next(action for action in parser._actions if action.dest == "database")
        database.choices = ALIASES
        database.help = "The one database to migrate. Without it: all four."

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        return {"databases": [options["database"]] if options["database"] else list(ALIASES)}

    def handle(self, *args: Any, **options: Any) -> None:
        if current_or_none() is not None:
            raise CommandError("Only the owner migrates: run this without EXCHANGER_CONTEXT, with the owner's URLs.")
        app_label = options["app_label"]
        aliases = [options["database"]] if options["database"] else list(ALIASES)
        if app_label:
            aliases = [alias for alias in aliases if app_label in apps_of(alias)]
            if not aliases:
                raise CommandError(f"App '{app_label}' has no tables there.")
        for alias in aliases:
            self._migrate(alias, [app_label] if app_label else list(apps_of(alias)), args, options)

    def _migrate(self, alias: str, app_labels: list[str], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"Database {alias}"))
        for app_label in app_labels:
            super().handle(*args, **{**options, "database": alias, "app_label": app_label})
        if options["plan"] or options["check_unapplied"]:
            return  # looked only
        if options["migration_name"]:
            forget_grants(alias)  # the schema may be one that they do not fit, and tables that it lost come back bare
            return
        if alias == IDENTITY:
            for app_config in apps.get_app_configs():
                create_contenttypes(app_config, verbosity=0, using=IDENTITY)
        changed = apply_grants(alias)
        self.stdout.write(f"  Grants: {'applied' if changed else 'unchanged'}")
