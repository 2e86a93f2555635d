"""Repeated, caught up, interrupted, rehearsed and taken out again: what is there is always what should be."""

import contextlib
import io
import itertools
import os
import subprocess
import sys
import uuid

import pytest
from django.core.management import CommandError, call_command

from exchanger.kernel.contexts import ALIASES
from exchanger.legacy import batches
from exchanger.legacy.batches import ImportRefused, Totals, all_targets, seal_batch
from exchanger.legacy.chunk import ChunkTaker
from exchanger.legacy.ledger import LedgerStep
from exchanger.legacy.rollback import RollBack
from exchanger.legacy.run import Limit
from exchanger.local.paths import CHECKOUT
from exchanger.testing.processes import process_environment
from exchanger.testing.waiting import until
from identity.models import User
from web.models import Order, Payment, Transaction
from web.services.fulfilment import order_complete, order_process

MONEY = ["users", "orders", "payments"]
MADE_HERE = {"id", "granted_at", "chained_at", "hash", "previous_hash"}


class Crash(BaseException):
    """The process is gone."""


def contents(world, *, but=frozenset()):
    """Every row of the four databases, without the columns ``but``."""
    found = {}
    for alias in ALIASES:
        connection = world.superuser(alias)
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT to_jsonb(t) FROM {table} t".encode()).fetchall()
            told = [{name: value for name, value in row.items() if name not in but} for (row,) in rows]
            found[f"{alias}.{table}"] = sorted(map(repr, told))
    return found


@pytest.fixture
def take_out(as_context):
    """``take_out(1)``: roll back batch 1, in maintenance."""

    def run(number, **how):
        with as_context(None), all_targets() as connections:
            return RollBack(connections, **how).run(number)

    return run


def test_a_second_run_finds_nothing_new(old, take, world):
    old.office()
    take(old)
    before = contents(world)

    outcome = take(old)

    assert not outcome.resumed
    assert all((totals.taken, totals.changed, totals.rejected) == (0, 0, 0) for totals in outcome.totals.values())
    assert contents(world) == before


def test_a_dry_run_tells_the_same_and_leaves_nothing(old, take, world, tmp_path):
    office = old.office()
    old.add("orders", user_id=office["user"], amount="-1")
    old.add("orders", user_id=office["user"])
    before = contents(world)
    files = [tmp_path / "dry.csv", tmp_path / "real.csv"]

    dry = take(old, dry=True, limit=Limit(percent=100), rejects=files[0])
    assert contents(world) == before
    assert world.superuser("web").execute("SELECT to_regnamespace('legacy')").fetchone() == (None,)

    assert take(old, limit=Limit(percent=100), rejects=files[1]).totals == dry.totals
    assert files[0].read_text() == files[1].read_text()


def test_a_catch_up_brings_what_is_new_and_follows_what_has_changed(old, take, world, as_context):
    office = old.office()
    user = office["user"]
    waiting = old.add("orders", user_id=user, status="pending")
    take(old, only=MONEY)
    old.set("users", user, email="renamed@example.com", updated_at="2025-06-02")
    old.set("orders", waiting, status="completed", updated_at="2025-06-02")
    old.add("payments", order_id=waiting, user_id=user, created_at="2025-06-02")
    old.person(email="unseen@example.com", updated_at="2025-05-31")
    new = old.person(email="new@example.com", updated_at="2025-06-02")

    outcome = take(old, only=MONEY, since=batches.datetime.fromisoformat("2025-06-01T00:00:00+00:00"))

    assert outcome.totals["users"] == Totals(2, 1, 1)
    assert outcome.totals["orders"] == Totals(1, 0, 1)
    assert outcome.totals["payments"] == Totals(2, 1, same=1)
    with as_context(None):
        assert set(User.objects.values_list("pk", "email")) == {(user, "renamed@example.com"), (new, "new@example.com")}
        assert Order.objects.get(pk=waiting).status == "completed"
        call_command("verify_ledger")
    keys = world.superuser("identity").execute("SELECT key FROM cache_invalidations").fetchall()
    assert (f"identity:user:web:{user}",) in keys


def test_books_that_the_old_platform_has_outrun_are_written_anew(old, take, take_out, world, as_context):
    user = old.person()
    order = old.paid_order(user, status="paid")
    take(old, only=MONEY)
    before = contents(world)
    old.set("orders", order, status="failed")

    take(old, only=MONEY)
    with as_context(None):
        call_command("verify_ledger")
        assert set(Transaction.objects.values_list("kind", flat=True)) == {"payment_received", "payout_failed"}
    take_out(2)

    after = contents(world)
    take_out(1)
    assert contents(world)["web.orders"] == []
    after["web.cache_invalidations"] = before["web.cache_invalidations"]  # those keys may go at any time
    assert after == before


def test_what_was_changed_here_since_stays(old, take, world, as_context):
    user = old.person(email="olena@example.com")
    take(old, only=["users"])
    with as_context(None):
        User.objects.filter(pk=user).update(email="hers@example.com")
    old.set("users", user, email="late@example.com")

    outcome = take(old, only=["users"], limit=Limit(percent=100))

    assert outcome.totals["users"] == Totals(1, rejected=1)
    assert world.superuser("identity").execute("SELECT reason FROM legacy.rejects").fetchall() == [("changed_here",)]
    with as_context(None):
        assert User.objects.get().email == "hers@example.com"


def test_a_change_that_takes_what_another_row_has_is_rejected(old, take, world, as_context):
    user = old.person(email="olena@example.com")
    take(old, only=["users"])
    with as_context(None):
        User.objects.create(email="hers@example.com", password="!")
    old.set("users", user, email="hers@example.com")

    outcome = take(old, only=["users"], limit=Limit(percent=100))

    assert outcome.totals["users"] == Totals(1, rejected=1)
    assert world.superuser("identity").execute("SELECT reason FROM legacy.rejects").fetchall() == [("email:taken",)]


def test_a_rate_that_was_open_ends_where_a_new_one_begins(old, take, world):
    first = old.add("exchange_rates", valid_from="2025-01-01")
    take(old, only=["exchange_rates"])
    second = old.add("exchange_rates", valid_from="2025-02-01", rate="41")

    outcome = take(old, only=["exchange_rates"])

    assert outcome.totals["exchange_rates"] == Totals(2, 1, 1)
    rows = world.superuser("web").execute("SELECT id, valid_until::date::text FROM exchange_rates").fetchall()
    assert dict(rows) == {first: "2025-02-01", second: None}


def test_a_roll_back_leaves_what_was_before(old, take, take_out, world, as_context):
    with as_context(None):
        User.objects.create(email="here@example.com", password="!")
    before = contents(world)
    office = old.office()
    old.add("orders", user_id=office["user"])  # taken out again by the run itself
    take(old, limit=Limit(percent=100))

    counts = take_out(1)

    assert contents(world) == before
    assert counts["users"] == 1
    with as_context(None):
        call_command("verify_ledger")
        call_command("verify_audit")
    take(old, limit=Limit(percent=100))
    assert world.superuser("web").execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_a_roll_back_is_refused_once_somebody_has_worked_here(old, take, take_out, world, as_context):
    office = old.office()
    paid = old.paid_order(office["user"], status="paid")
    take(old)
    with as_context(None):
        User.objects.filter(pk=office["user"]).update(email_verified=False)
    world.superuser("web").execute(
        "INSERT INTO analytics_events (user_id, event_type) VALUES (%s, 'visit')", (office["user"],)
    )
    with as_context("web"):
        order_process(order_id=paid)
        order_complete(order_id=paid)
    before = contents(world)

    with pytest.raises(ImportRefused, match=r"1 rows of users were changed.* analytics_events are of people"):
        take_out(1)
    assert contents(world) == before

    take_out(1, even_changed=True)
    assert world.superuser("identity").execute("SELECT count(*) FROM users").fetchone() == (0,)
    for table in ("orders", "payments", "transactions"):
        assert world.superuser("web").execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_audit_entries_stay_once_others_follow_them(old, take, take_out, world, as_context):
    old.office()
    take(old)
    world.superuser("admin").execute(
        "INSERT INTO audit_logs (admin_id, action, resource_type) VALUES (%s, 'order.complete', 'order')",
        (uuid.UUID(int=0),),
    )

    with pytest.raises(ImportRefused, match="--keep-audit"):
        take_out(1)
    take_out(1, keep_audit=True)

    assert world.superuser("admin").execute("SELECT count(*) FROM audit_logs").fetchone() == (2,)
    with as_context(None):
        call_command("verify_audit")


def test_an_interrupted_roll_back_is_done_again_before_anything_else(old, take, take_out, world, monkeypatch):
    before = contents(world)
    old.office()
    take(old)
    original = RollBack._take_out

    def crash(self, alias, batch):
        if alias == "web":
            raise Crash
        return original(self, alias, batch)

    with monkeypatch.context() as patch:
        patch.setattr(RollBack, "_take_out", crash)
        with pytest.raises(Crash):
            take_out(1)
    assert contents(world)["bot.messages"] == []

    with pytest.raises(ImportRefused, match="only partly taken out"):
        take(old)
    take_out(1)
    assert contents(world) == before


def test_batches_go_in_the_order_in_which_they_came_and_a_sealed_one_stays(old, take, take_out, as_context):
    old.office()
    take(old, only=MONEY)
    take(old, only=MONEY)

    with pytest.raises(ImportRefused, match="Batch 2 came after it"):
        take_out(1)
    take_out(2)
    with as_context(None), all_targets() as connections:
        seal_batch(connections, 1)
        for connection in connections.values():
            connection.commit()
    with pytest.raises(ImportRefused, match="sealed"):
        take_out(1)


def test_a_crash_between_any_two_statements_loses_and_doubles_nothing(old, take, world, monkeypatch):
    user = old.person()
    for number in range(6):
        old.paid_order(user, amount="100", status="paid" if number % 2 else "completed")
    old.add("orders", user_id=user, amount="-5", status="pending")
    take(old, only=MONEY, limit=Limit(percent=100))
    expected = contents(world, but=MADE_HERE)
    world.empty()
    for alias in ALIASES:
        world.superuser(alias).execute("DROP SCHEMA legacy CASCADE")

    left = 0

    def counted(original):
        def execute(self, statement):
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash
            return original(self, statement)

        return execute

    for taker in (ChunkTaker, LedgerStep):
        monkeypatch.setattr(taker, "_execute", counted(taker._execute))
    # Each run dies one statement later than the one before it, and goes on with what that has left.
    for allowed in itertools.count(1):
        left = allowed
        with contextlib.suppress(Crash):
            outcome = take(old, only=MONEY, limit=Limit(percent=100), chunk=2)
            break

    assert allowed > 20
    assert outcome.resumed
    assert outcome.totals["orders"] == Totals(7, 6, rejected=1)
    assert contents(world, but=MADE_HERE) == expected


def test_a_killed_process_is_gone_on_with(old, take, servers, world, as_context):
    user = old.person()
    for _ in range(20):
        old.paid_order(user, status="paid")
    environment = {**process_environment(None, servers.environments), "PGPASSWORD": old.connection.info.password}
    info = old.connection.info
    source = f"postgresql:///{info.dbname}?host={info.host}&port={info.port}&user={info.user}"
    held = world.superuser("web")
    held.execute("BEGIN; LOCK TABLE payments IN SHARE ROW EXCLUSIVE MODE")
    try:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "import_legacy", "--source", source, "--rejects", os.devnull],
            env=environment,
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        until(lambda: world.superuser("identity").execute(_WAITING).fetchone() == (1,))
        with pytest.raises(ImportRefused, match="Another import is running"):
            _impatiently(take, old)
        process.kill()
        assert b"orders: done" in process.communicate()[0]
    finally:
        held.execute("ROLLBACK")

    outcome = take(old)

    assert outcome.resumed
    with as_context(None):
        assert (Order.objects.count(), Payment.objects.count()) == (20, 20)
        call_command("verify_ledger")


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'import_legacy' AND wait_event_type = 'Lock'"


def _impatiently(take, old):
    patience, batches._PATIENCE = batches._PATIENCE, 0
    try:
        take(old)
    finally:
        batches._PATIENCE = patience


def test_an_unfinished_batch_is_gone_on_with_by_the_same_arguments_alone(old, take):
    old.person(email="nobody")
    with contextlib.suppress(Exception):
        take(old, only=["users"], limit=Limit(rows=0))

    with pytest.raises(ImportRefused, match=r"Batch 1 .* --roll-back 1"):
        take(old, only=["users"], zone="Europe/Kyiv")


def test_a_step_waits_for_those_that_it_refers_to(old, take):
    old.office()

    with pytest.raises(ImportRefused, match="--only users,orders"):
        take(old, only=["orders"])
    take(old, only=["users"])
    assert take(old, only=["orders", "payments"]).totals["orders"] == Totals(1, 1)


def test_the_command_tells_what_it_did_and_what_to_do(old, as_context, tmp_path):
    old.office()
    output = io.StringIO()
    with as_context(None):
        call_command("import_legacy", "--source", old.url, "--rejects", str(tmp_path / "r.csv"), stdout=output)
        call_command("import_legacy", "--status", stdout=output)
        call_command("import_legacy", "--roll-back", "1", stdout=output)
        with pytest.raises(CommandError, match="rolled back"):
            call_command("import_legacy", "--seal", "1", stdout=output)
    told = output.getvalue()
    assert "Batch 1 is imported." in told
    assert "batch 1: finished" in told
    assert "Batch 1 is taken out" in told
    assert old.connection.info.password not in told


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--source", "nonsense"], "--source is no address"),
        (["--source", "postgresql:///nowhere?host=/nowhere"], "does not open"),
        (["--source", "postgresql:///x", "--max-rejects", "few"], "--max-rejects few"),
        (["--source", "postgresql:///x", "--since", "now"], "--since now"),
        (["--source", "postgresql:///x", "--mapping", "nowhere.toml"], "source"),
        (["--roll-back", "9"], "There is no batch 9"),
    ],
)
def test_what_cannot_be_done_is_told_in_words_and_leaves_no_file(as_context, options, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with as_context(None), pytest.raises(CommandError, match=problem):
        call_command("import_legacy", *options)

    assert list(tmp_path.iterdir()) == []


def test_no_application_imports(as_context):
    with as_context("web"), pytest.raises(CommandError, match="Only the owner imports"):
        call_command("import_legacy", "--status")
