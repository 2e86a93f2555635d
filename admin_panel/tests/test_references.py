"""What names a row in another database is looked up, all of it, whoever runs the check."""

import io
import uuid

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from admin_panel.jobs import register
from admin_panel.references import checking
from admin_panel.references.checking import OrphanReferences, references_check
from admin_panel.references.declared import NO_REFERENCES, REFERENCES
from admin_panel.services.actors import NOBODY
from admin_panel.tests.factories import ReportFactory
from bot.tests.factories import ConversationFactory, InboxEventFactory
from exchanger.isolation.matrix import may
from exchanger.kernel.contexts import APP_ALIAS, SPECS, Context, ForeignContext
from exchanger.kernel.db.constraints import DatabaseForeignKey
from identity.tests.factories import UserFactory
from web.tests.factories import ExchangeRateFactory, OrderFactory

OURS = ("identity", "web", "admin_panel", "bot")
ADMIN_ROLE = SPECS[Context.ADMIN].role


def check(**options):
    out = io.StringIO()
    try:
        call_command("check_references", stdout=out, **options)
    except CommandError as error:
        return out.getvalue().splitlines(), str(error)
    return out.getvalue().splitlines(), None


def looks_like_one(field):
    """Foreign keys, Django's and those that are constraints alone, are PostgreSQL's affair."""
    keys = {each.column for each in field.model._meta.constraints if isinstance(each, DatabaseForeignKey)}
    if field.is_relation or field.column in keys:
        return False
    return field.column.endswith(("_id", "_by")) or (isinstance(field, models.UUIDField) and not field.primary_key)


def test_every_column_that_could_be_a_reference_is_declared_as_one_or_as_none():
    found = {
        (APP_ALIAS[model._meta.app_label], model._meta.db_table, field.column)
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.concrete_fields
        if looks_like_one(field)
    }
    declared = {(each.alias, each.table, each.column) for each in REFERENCES}
    assert len(declared) == len(REFERENCES)
    assert {place for place in found if place[1:] not in NO_REFERENCES} == declared
    assert set(NO_REFERENCES) <= {place[1:] for place in found}


@pytest.mark.parametrize("reference", REFERENCES, ids=str)
def test_what_the_admin_context_leaves_out_is_what_its_login_may_not_read(reference):
    assert may(ADMIN_ROLE, reference.alias, reference.table, "select") is not reference.owner_only


@pytest.mark.parametrize("context", [None, "admin"])
def test_everything_is_there_where_everything_is_there(context, as_context):
    user = UserFactory()
    order = OrderFactory(user_id=user.pk)
    InboxEventFactory(order_id=order.pk, user_id=user.pk)
    with as_context(context):
        columns = len(REFERENCES) - (context == "admin")
        assert check() == ([f"Everything that {columns} columns name is there."], None)


@pytest.mark.parametrize("context", [None, "admin"])
def test_orphans_are_told_by_column_with_their_rows_and_first_ids(context, as_context, monkeypatch):
    monkeypatch.setattr(checking, "BATCH", 3)  # so that there are several
    users = UserFactory.create_batch(4)
    gone = sorted((uuid.uuid4() for _ in range(7)), key=lambda each: each.bytes)
    for user_id in [user.pk for user in users] + gone + gone[:2]:
        OrderFactory(user_id=user_id)
    ConversationFactory(user_id=gone[0])
    with as_context(context):
        lines, error = check()
    assert lines == [
        f"web.orders.user_id: 9 rows name 7 that are not in identity.users: {', '.join(map(str, gone[:5]))}, …",
        f"bot.conversations.user_id: 1 rows name 1 that are not in identity.users: {gone[0]}",
    ]
    assert error == "10 rows name what is not there."


@pytest.mark.context("admin")
def test_orphans_are_found_in_every_database_and_who_is_nobody_is_none():
    person, order, setter = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    ExchangeRateFactory(set_by=setter)
    ExchangeRateFactory(set_by=None, to_currency="EUR")
    InboxEventFactory(order_id=order, user_id=None)
    ReportFactory(generated_by=person)
    ReportFactory(generated_by=NOBODY)
    found = {str(each.reference): each.first for each in references_check() if each.missing}
    assert found == {
        "web.exchange_rates.set_by": [setter],
        "admin.reports.generated_by": [person],
        "bot.event_inbox.order_id": [order],
    }


@pytest.mark.parametrize("context", ["web", "telegram"])
def test_a_context_that_sees_two_databases_is_refused(context, as_context):
    with as_context(context):
        lines, error = check()
        assert lines == []
        assert "set no other context" in error
        with pytest.raises(ForeignContext):
            next(references_check())


@pytest.mark.context("admin")
def test_the_nights_job_fails_and_the_log_says_what_is_not_there(caplog):
    app = App(connector=InMemoryConnector())
    register(app)
    job = app.tasks["references.check"].func
    job(0)
    assert not caplog.records
    order = OrderFactory(user_id=uuid.uuid4())
    with pytest.raises(OrphanReferences, match="1 columns name"):
        job(0)
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == f"1 rows of web.orders.user_id name what is not there, such as {order.user_id}"
