"""The chain of hashes: whole however many write, and bent by nothing that goes unnoticed."""

import json
import threading
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from admin_panel import verification
from admin_panel.canonical import CHAINED
from admin_panel.models import AuditLog, AuditOutcome, ChainLink, Outcome
from admin_panel.resources import Resource
from admin_panel.services.actors import NOBODY, Actor
from admin_panel.services.audit import attempt_record, audited
from admin_panel.tests.factories import AuditLogFactory
from exchanger.isolation.credentials import with_login
from exchanger.local.environments import BOOTSTRAP

pytestmark = pytest.mark.context("admin")
ACTOR = Actor(NOBODY)


def write(number, *, old=None, new=None):
    with audited(ACTOR, action="rate.publish", resource=Resource("rate", str(number)), old=old, new=new):
        pass


@pytest.fixture
def entries():
    for number in range(5):
        write(number, old={"rate": "1.10", "note": 'a, "b" – ї'}, new={"rate": f"1.{number}0"})
    return list(AuditLog.objects.order_by("created_at", "id"))


@pytest.fixture
def bend(world):
    """Runs SQL as the superuser, past every trigger."""

    def run(statement, *values):
        server = world.superuser("admin")
        with server.transaction():
            server.execute("SET LOCAL session_replication_role = replica")
            server.execute(statement, values)

    return run


def verify(**options):
    out = StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


def complaint(**options):
    with pytest.raises(CommandError) as refused:
        verify(**options)
    assert refused.value.returncode == 1
    return str(refused.value)


def test_what_is_chained_is_every_column_of_both_tables():
    assert {table: list(columns) for table, columns in CHAINED.items()} == {
        model._meta.db_table: [field.column for field in model._meta.concrete_fields]
        for model in (AuditLog, AuditOutcome)
    }


def test_a_trail_that_nobody_touched_is_whole_for_the_admin_process_and_for_the_owner(entries, as_context):
    whole = verify()
    assert "is whole: 10 links" in whole
    with as_context(None):
        assert verify() == whole


def test_an_empty_trail_is_whole_and_has_no_head(world):
    assert "is whole: 0 links." in verify()
    assert "is empty" in complaint(head=True)


def test_it_takes_many_batches_as_it_takes_one(entries, monkeypatch):
    whole = verify()
    monkeypatch.setattr(verification, "BATCH", 3)
    assert verify() == whole


@pytest.mark.context("web")
def test_another_application_cannot_read_the_trail():
    assert "cannot be read" in complaint()


CHANGES = {
    "action": "'rate.forget'",
    "admin_id": "gen_random_uuid()",
    "resource_id": "NULL",
    "old_values": "NULL",
    "new_values": """'{"rate": "9.99"}'""",
    "ip_address": "'192.0.2.99'",
    "user_agent": "'another'",
    "created_at": "created_at + interval '1 microsecond'",
    "resource_type": "'order'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_value_is_named(entries, bend, column):
    bend(f"UPDATE audit_logs SET {column} = {CHANGES[column]} WHERE id = %s", entries[2].pk)
    assert f"audit_logs {entries[2].pk} (link 5) is not what was written" in complaint()


@pytest.mark.parametrize("change", ["outcome = 'denied'", """details = '{"reason": "none"}'"""])
def test_a_changed_outcome_is_named(entries, bend, change):
    outcome = AuditOutcome.objects.get(entry=entries[1])
    bend(f"UPDATE audit_outcomes SET {change} WHERE id = %s", outcome.pk)
    assert f"audit_outcomes {outcome.pk} (link 4) is not what was written" in complaint()


def test_an_outcome_given_to_another_entry_is_named(entries, bend):
    outcome = AuditOutcome.objects.get(entry=entries[1])
    bend("UPDATE audit_outcomes SET audit_id = gen_random_uuid() WHERE id = %s", outcome.pk)
    assert f"audit_outcomes {outcome.pk} (link 4)" in complaint()


@pytest.mark.parametrize("table", ["audit_logs", "audit_outcomes"])
def test_a_deleted_row_is_named(entries, bend, table):
    row = entries[3] if table == "audit_logs" else AuditOutcome.objects.get(entry=entries[3])
    bend(f"DELETE FROM {table} WHERE id = %s", row.pk)
    assert f"{table} {row.pk} (link {7 if table == 'audit_logs' else 8})" in complaint()
    assert "has been deleted" in complaint()


def test_a_row_inserted_around_the_trigger_is_named(entries, bend):
    planted = "11111111-1111-4111-8111-111111111111"
    bend("INSERT INTO audit_logs (id, admin_id, action, resource_type) VALUES (%s, %s, 'x', 'y')", planted, planted)
    assert f"audit_logs {planted} is in its table and not in the chain" in complaint()


def test_an_outcome_of_no_entry_is_named(entries, world):
    """The trigger chains it: it is not bent, and it is still no outcome of anything."""
    planted = "22222222-2222-4222-8222-222222222222"
    world.superuser("admin").execute(
        "INSERT INTO audit_outcomes (id, audit_id, outcome) VALUES (%s, %s, 'done')", (planted, planted)
    )
    assert f"audit_outcomes {planted} is the outcome of no entry" in complaint()


def test_reordered_links_are_named(entries, bend):
    bend("UPDATE audit_chain SET seq = CASE seq WHEN 3 THEN -5 ELSE 3 END WHERE seq IN (3, 5)")
    bend("UPDATE audit_chain SET seq = 5 WHERE seq = -5")
    assert f"audit_logs {entries[2].pk} (link 3) does not follow the link before it" in complaint()


def test_a_link_taken_out_with_its_row_is_named(entries, bend):
    bend("DELETE FROM audit_logs WHERE id = %s", entries[2].pk)
    bend("DELETE FROM audit_chain WHERE seq = 5")
    assert "link 5 is missing: the next in the chain is audit_outcomes" in complaint()


@pytest.mark.parametrize(
    "change", ["hash = repeat('a', 64)", "chained_at = now()", "row_id = gen_random_uuid()", "entry = 'audit_outcomes'"]
)
def test_a_changed_link_is_named(entries, bend, change):
    bend(f"UPDATE audit_chain SET {change} WHERE seq = 7")
    assert "(link 7)" in complaint()


def test_a_changed_row_whose_link_was_recomputed_is_named_by_the_next(entries, bend):
    """Whoever knows how the hash is made still has to write every later link anew."""
    bend("UPDATE audit_logs SET action = 'rate.forget' WHERE id = %s", entries[2].pk)
    with connections["admin"].cursor() as cursor:
        cursor.execute(verification._LINKS, (4, 1))
        text = cursor.fetchone()[-1]
    bend("UPDATE audit_chain SET hash = encode(sha256(convert_to(%s, 'UTF8')), 'hex') WHERE seq = 5", text)
    outcome = AuditOutcome.objects.get(entry=entries[2])
    assert f"audit_outcomes {outcome.pk} (link 6) does not follow" in complaint()


@pytest.fixture
def anchor(tmp_path):
    def keep():
        out = StringIO()
        call_command("verify_audit", head=True, stdout=out)
        file = tmp_path / "heads"
        with file.open("a") as heads:
            heads.write(out.getvalue())
        return file

    return keep


def test_the_head_is_a_line_of_json(entries):
    out = StringIO()
    call_command("verify_audit", head=True, stdout=out)
    last = ChainLink.objects.order_by("-seq").first()
    assert json.loads(out.getvalue()) == {"seq": 10, "hash": last.hash, "time": last.chained_at.isoformat()}


def test_anchored_heads_are_found_again_when_the_trail_has_grown(entries, anchor):
    anchor()
    write(5)
    file = anchor()
    write(6)
    assert "2 anchored heads are in it" in verify(anchor=file)


def test_a_cut_tail_shows_against_an_anchor_and_only_so(entries, anchor, bend):
    file = anchor()
    bend("DELETE FROM audit_outcomes WHERE audit_id = %s", entries[4].pk)
    bend("DELETE FROM audit_logs WHERE id = %s", entries[4].pk)
    bend("DELETE FROM audit_chain WHERE seq > 8")
    assert "is whole: 8 links" in verify()
    assert "ends at link 8, before the anchored link 10: its tail has been cut off" in complaint(anchor=file)


def test_a_cut_tail_that_has_grown_again_shows_against_an_anchor(entries, anchor, bend):
    file = anchor()
    bend("DELETE FROM audit_outcomes WHERE audit_id = %s", entries[4].pk)
    bend("DELETE FROM audit_logs WHERE id = %s", entries[4].pk)
    bend("DELETE FROM audit_chain WHERE seq > 8")
    write("another")
    write("and another")
    assert "is whole: 12 links" in verify()
    assert "link 10 is not the one that was anchored" in complaint(anchor=file)


@pytest.mark.parametrize("text", ["", "{}", "seq 5", '{"seq": 1, "hash": "a"}'])
def test_a_file_without_heads_is_no_anchor(entries, tmp_path, text):
    file = tmp_path / "heads"
    file.write_text(text)
    assert str(file) in complaint(anchor=file)


def test_eight_writers_make_one_chain(world):
    dsn = world.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
    password = world.environments.credentials().roles["exchanger_admin"]
    each = 25

    def work(number):
        with psycopg.connect(with_login(dsn, "exchanger_admin", password, "exchanger_admin"), autocommit=True) as own:
            for n in range(each):
                own.execute(
                    "INSERT INTO audit_logs (admin_id, action, resource_type, resource_id)"
                    " VALUES (gen_random_uuid(), 'test.write', 'writer', %s)",
                    (f"{number}.{n}",),
                )

    writers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert AuditLog.objects.count() == 8 * each
    assert f"is whole: {8 * each} links" in verify()
    assert ChainLink.objects.values("previous_hash").distinct().count() == 8 * each


def test_a_rolled_back_entry_leaves_no_link(world):
    with transaction.atomic(using="admin"):
        AuditLog.objects.create(admin_id=NOBODY, action="x", resource_type="y")
        transaction.set_rollback(True, using="admin")
    write(1)
    assert "is whole: 2 links" in verify()


def test_a_context_cannot_choose_when_it_wrote_and_the_owner_can(world):
    long_ago = "2001-01-01T00:00:00Z"
    claimed = AuditLog.objects.create(admin_id=NOBODY, action="x", resource_type="y", created_at=long_ago)
    outcome = AuditOutcome.objects.create(entry=claimed, outcome=Outcome.DONE, created_at=long_ago)
    claimed.refresh_from_db()
    outcome.refresh_from_db()
    assert (claimed.created_at.year, outcome.created_at.year) > (2001, 2001)
    told = AuditLogFactory(created_at=long_ago)
    told.refresh_from_db()
    assert told.created_at.year == 2001
    assert "is whole: 3 links" in verify()


def test_nobody_writes_links_but_the_trigger(world):
    attempt_record(actor=ACTOR, action="x", resource=Resource("y"), outcome=Outcome.DONE)
    for statement in (
        "INSERT INTO audit_chain SELECT seq + 1, entry, gen_random_uuid(), hash, hash, now() FROM audit_chain",
        "SELECT audit_chain_append('audit_logs', gen_random_uuid(), 'x')",
    ):
        with connections["admin"].cursor() as cursor, pytest.raises(Exception, match="permission denied"):
            cursor.execute(statement)
    assert ChainLink.objects.count() == 2
