"""Each database has its own tables, its own migrations, and its own grants."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from exchanger.isolation.grants import apply_grants
from exchanger.kernel.contexts import ALIASES, apps_of
from exchanger.kernel.health import unapplied_migrations

pytestmark = pytest.mark.usefixtures("world")


def applied(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT DISTINCT app FROM django_migrations")
        return {app for (app,) in cursor.fetchall()}


@pytest.mark.parametrize("alias", ALIASES)
def test_a_database_records_the_migrations_of_its_own_apps_only(alias):
    assert applied(alias) == set(apps_of(alias))
    assert unapplied_migrations(alias) == 0


def test_a_bare_migrate_does_all_four_in_order_and_changes_nothing_when_run_again():
    out = StringIO()
    call_command("migrate", stdout=out)
    said = out.getvalue()
    positions = [said.index(f"Database {alias}\n") for alias in ALIASES]
    assert positions == sorted(positions)
    assert said.count("No migrations to apply") == sum(len(apps_of(alias)) for alias in ALIASES)
    assert said.count("Grants: unchanged") == len(ALIASES)


def test_migrating_one_database_names_no_other():
    out = StringIO()
    call_command("migrate", database="web", stdout=out)
    assert "Database web" in out.getvalue()
    assert not any(f"Database {alias}" in out.getvalue() for alias in ALIASES if alias != "web")


def test_an_app_is_migrated_only_where_it_lives():
    out = StringIO()
    call_command("migrate", "bot", stdout=out)
    assert "Database bot" in out.getvalue()
    with pytest.raises(CommandError, match="has no tables there"):
        call_command("migrate", "bot", database="web", stdout=StringIO())


def test_grants_that_somebody_changed_by_hand_are_put_right_by_force():
    with connections["web"].cursor() as cursor:
        cursor.execute("GRANT DELETE ON orders TO exchanger_web")
    assert not apply_grants("web")
    assert apply_grants("web", force=True)
    with connections["web"].cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('exchanger_web', 'orders', 'DELETE')")
        assert cursor.fetchone() == (False,)


def test_after_a_migration_to_a_named_state_the_next_one_applies_the_grants_again():
    with connections["web"].cursor() as cursor:
        cursor.execute("SELECT max(name) FROM django_migrations WHERE app = 'web'")
        [latest] = cursor.fetchone()
    call_command("migrate", "web", latest, stdout=StringIO())
    out = StringIO()
    call_command("migrate", "web", stdout=out)
    assert "Grants: applied" in out.getvalue()


@pytest.mark.parametrize("context", ["web", "admin", "telegram"])
def test_a_contexts_process_migrates_nothing(context, as_context):
    with as_context(context), pytest.raises(CommandError, match="Only the owner migrates"):
        call_command("migrate", stdout=StringIO())


def test_every_model_has_its_migration(capsys):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
