"""A model goes to its own database or the query raises; nothing is ever a default."""

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models, router, transaction

from admin_panel.models import AuditLog
from bot.models import Conversation
from exchanger.kernel.contexts import ALIASES, APP_ALIAS
from exchanger.kernel.db.refused.base import RefusedConnection
from identity.models import User
from web.models import Order

HOMES = [(User, "identity"), (Order, "web"), (AuditLog, "admin"), (Conversation, "bot")]


@pytest.mark.parametrize(("model", "alias"), HOMES)
def test_a_model_is_read_and_written_in_its_apps_database(model, alias):
    assert router.db_for_read(model) == router.db_for_write(model) == alias


def test_every_installed_model_has_a_home_or_is_refused_by_name():
    homeless = {model._meta.app_label for model in apps.get_models() if model._meta.app_label not in APP_ALIAS}
    assert homeless == {"admin", "procrastinate"}
    with pytest.raises(ImproperlyConfigured, match="No database is declared for app 'admin'"):
        router.db_for_read(apps.get_model("admin", "LogEntry"))


@pytest.mark.parametrize("alias", ["default", *ALIASES])
def test_tables_are_made_in_their_own_database_and_in_no_other(alias):
    allowed = {label for label in APP_ALIAS if router.allow_migrate(alias, label)}
    assert allowed == {label for label, home in APP_ALIAS.items() if home == alias}
    assert not router.allow_migrate(alias, "an_app_nobody_declared")


def test_relations_across_databases_are_refused():
    assert not router.allow_relation(User(), Order())
    assert router.allow_relation(User(), User())


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "stray",
    [
        lambda: connections["default"].cursor().execute("SELECT 1"),
        lambda: list(Order.objects.using("default")[:1]),
        lambda: transaction.atomic().__enter__(),
    ],
)
def test_a_query_that_lost_its_alias_fails_loudly_and_says_what_to_do(stray):
    with pytest.raises(RefusedConnection, match="name one with using"):
        stray()


@pytest.mark.parametrize(
    ("context", "reached"), [("web", "identity web"), ("telegram", "identity bot"), ("admin", "identity web admin bot")]
)
def test_a_context_reaches_only_the_databases_of_its_role(context, reached, as_context):
    with as_context(context):
        for alias in ALIASES:
            if alias in reached.split():
                connections[alias].cursor().close()
                continue
            with pytest.raises(RefusedConnection, match=f"'{context}' has no access to the database '{alias}'"):
                connections[alias].cursor()


@pytest.mark.context("web")
def test_a_column_with_a_database_default_holds_its_value_after_save():
    """An empty default database would leave an expression object there."""
    user = User(email="defaults@example.com")
    user.save()
    assert isinstance(user.created_at, type(user.updated_at))
    assert isinstance(User._meta.get_field("created_at"), models.DateTimeField)
    assert User.objects.get(pk=user.pk).email_verified is False
