"""What is in the audit trail before a change, after it, and when something goes wrong in between."""

import ast
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.test import RequestFactory

from admin_panel.models import AdminSetting, AuditLog, AuditOutcome, Outcome
from admin_panel.redaction import REDACTED, redacted
from admin_panel.resources import Resource
from admin_panel.services import audit
from admin_panel.services.actors import NOBODY, Actor, actor_of
from admin_panel.services.audit import attempt_record, audited
from admin_panel.tests.factories import AdminSettingFactory, ReportFactory
from exchanger.kernel.origin import Origin
from exchanger.testing.processes import process_environment
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("admin")
WHERE = Origin("192.0.2.7", "curl/8")
RATE = Resource("exchange_rate", "1")


@pytest.fixture
def actor():
    return Actor(uuid.uuid4(), WHERE)


def trail(world):
    """What another connection sees of it, oldest first: what is committed."""
    return (
        world.superuser("admin")
        .execute(
            "SELECT l.action, o.outcome, o.details FROM audit_logs l LEFT JOIN audit_outcomes o ON o.audit_id = l.id"
            " ORDER BY l.created_at, l.id"
        )
        .fetchall()
    )


def test_the_intent_is_committed_before_and_the_outcome_after(actor, world):
    with audited(
        actor, action="rate.publish", resource=RATE, old={"rate": Decimal("1.10")}, new={"rate": "1.20"}
    ) as it:
        assert trail(world) == [("rate.publish", None, None)]
        it.note(rows=1)
    assert trail(world) == [("rate.publish", "done", {"rows": 1})]
    log = AuditLog.objects.get()
    assert (log.admin_id, log.resource_type, log.resource_id) == (actor.admin_id, "exchange_rate", "1")
    assert (log.ip_address, log.user_agent) == ("192.0.2.7", "curl/8")
    assert (log.old_values, log.new_values) == ({"rate": "1.10"}, {"rate": "1.20"})


def test_a_failure_is_recorded_with_its_reason_and_goes_on(actor, world):
    with pytest.raises(ValueError, match="no such rate"), audited(actor, action="rate.publish", resource=RATE):
        raise ValueError("no such rate")
    assert trail(world) == [("rate.publish", "failed", {"reason": "ValueError: no such rate"})]


def test_a_refusal_is_recorded_as_denied(actor, world):
    with pytest.raises(PermissionDenied), audited(actor, action="rate.publish", resource=RATE):
        raise PermissionDenied("not yours")
    assert trail(world) == [("rate.publish", "denied", {"reason": "PermissionDenied: not yours"})]


def test_a_databases_message_stays_out_since_it_quotes_values(actor, world):
    AdminSettingFactory(key="taken")
    with pytest.raises(IntegrityError), audited(actor, action="setting.create", resource=RATE):
        AdminSetting.objects.create(key="taken", value=1, updated_by=actor.admin_id)
    assert trail(world) == [("setting.create", "failed", {"reason": "IntegrityError"})]


def test_without_the_intent_nothing_is_done(actor, world, monkeypatch):
    monkeypatch.setattr(audit, "_INTENT", "SELECT no_such_function(" + "%s, " * 8 + "%s)")
    with pytest.raises(DatabaseError), audited(actor, action="rate.publish", resource=RATE):
        AdminSettingFactory()
    assert not AdminSetting.objects.exists()


def test_an_outcome_that_cannot_be_recorded_undoes_nothing_and_shows_as_unfinished(actor, world, monkeypatch, caplog):
    monkeypatch.setattr(audit, "_OUTCOME", "SELECT no_such_function(%s, %s, %s, %s)")
    with audited(actor, action="setting.create", resource=RATE):
        AdminSettingFactory()
    assert AdminSetting.objects.exists()
    assert AuditLog.objects.get().outcome == "unfinished"
    assert "could not be recorded" in caplog.text


def test_an_intent_is_committed_even_inside_a_transaction_that_is_rolled_back(actor, world):
    with pytest.raises(ValueError), transaction.atomic(using="admin"):  # noqa: PT012
        AdminSettingFactory()
        with audited(actor, action="setting.create", resource=RATE):
            assert trail(world) == [("setting.create", None, None)]
            raise ValueError
    assert [outcome for _, outcome, _ in trail(world)] == ["failed"]


def test_a_process_killed_in_between_leaves_an_unfinished_entry(world, servers, operator):
    program = (
        "import os, uuid, django; django.setup()\n"
        "from admin_panel.resources import Resource\n"
        "from admin_panel.services.actors import Actor\n"
        "from admin_panel.services.audit import audited\n"
        "with audited(Actor(uuid.uuid4()), action='rate.publish', resource=Resource('exchange_rate', '1')):\n"
        "    os._exit(9)\n"
    )
    environment = {**process_environment("admin", servers.environments), "DJANGO_SETTINGS_MODULE": "exchanger.settings"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, cwd=settings.BASE_DIR, check=False)
    assert killed.returncode == 9
    assert trail(world) == [("rate.publish", None, None)]
    assert "unfinished" in operator.get("/admin/admin_panel/auditlog/").text.lower()
    entry = operator.get("/api/v1/audit-logs/").json()["results"][0]
    assert (entry["outcome"], entry["outcome_details"]) == ("unfinished", None)
    assert entry == operator.get("/api/v1/audit-logs/", {"outcome": "unfinished"}).json()["results"][0]
    assert operator.get("/api/v1/audit-logs/", {"outcome": "done"}).json()["results"] == []


def test_what_postgresql_cannot_keep_is_kept_in_another_form(actor):
    attempt_record(
        actor=Actor(actor.admin_id, Origin(None, "a\0b")),
        action="x",
        resource=Resource("page", "a\0b" + "c" * 400),
        outcome=Outcome.DONE,
        new={"pa\0th": "a\0b \ud800", "nested": [{"x": "\0"}]},
    )
    log = AuditLog.objects.get()
    assert log.resource_id.startswith("a\N{REPLACEMENT CHARACTER}b")
    assert log.new_values == {
        "pa\N{REPLACEMENT CHARACTER}th": "a\N{REPLACEMENT CHARACTER}b ?",
        "nested": [{"x": "\N{REPLACEMENT CHARACTER}"}],
    }


@pytest.mark.parametrize(
    "name",
    ["password", "password_hash", "PASSWORD", "smtp_password", "botToken", "token", "client_secret", "api_key", "cvv",
     "session_key", "session_data", "otp", "privateKey", "AWS_SECRET_KEY"],
)  # fmt: skip
def test_a_secret_is_never_kept_however_deep(name, actor):
    with audited(actor, action="x", resource=RATE, old={name: "hunter2"}, new={"deep": [{name: {"is": "hunter2"}}]}):
        pass
    log = AuditLog.objects.get()
    assert (log.old_values, log.new_values) == ({name: REDACTED}, {"deep": [{name: REDACTED}]})


@pytest.mark.parametrize("name", ["key", "spinning", "passport", "rate", "tokens_sold", "pinned", "description"])
def test_what_only_looks_like_a_secret_is_kept(name):
    assert redacted({name: "value"}) == {name: "value"}


def test_a_changed_secret_shows_as_changed_in_the_history(operator):
    report = ReportFactory()
    with audited(Actor(NOBODY), action="report.update", resource=report, old={"token": "a"}, new={"token": "b"}):
        pass
    shown = operator.get(f"/admin/admin_panel/report/{report.pk}/history/").text
    assert shown.count(REDACTED) == 2
    assert "nobody who is known" in shown
    assert "done" in shown


def test_an_actor_is_the_person_behind_the_request_and_where_it_came_from():
    request = RequestFactory().get("/", headers={"User-Agent": "curl/8"}, REMOTE_ADDR="192.0.2.7")
    request.user = UserFactory()
    assert actor_of(request) == Actor(request.user.pk, WHERE, request)


def test_djangos_own_log_of_changes_is_used_nowhere():
    applications = ("exchanger", "identity", "web", "admin_panel", "bot")
    sources = [file for name in applications for file in Path(settings.BASE_DIR, name).rglob("*.py")]
    assert len(sources) > 100
    for file in sources:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "django.contrib.admin.models", file
                assert "LogEntry" not in {alias.name for alias in node.names}, file
            elif isinstance(node, ast.Import):
                assert "django.contrib.admin.models" not in {alias.name for alias in node.names}, file


def test_no_context_changes_or_deletes_an_outcome(actor):
    attempt_record(actor=actor, action="x", resource=RATE, outcome=Outcome.DONE)
    for change in ("UPDATE audit_outcomes SET outcome = 'denied'", "DELETE FROM audit_outcomes"):
        with connections["admin"].cursor() as cursor, pytest.raises(DatabaseError, match="permission denied"):
            cursor.execute(change)
    assert AuditOutcome.objects.get().outcome == Outcome.DONE
