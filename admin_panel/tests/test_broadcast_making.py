"""A broadcast becomes notifications: everybody's once, whatever breaks off in between, and as long as it runs."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from admin_panel.services import broadcast_making
from admin_panel.services.broadcast_making import broadcast_fan_out, broadcasts_attend
from admin_panel.services.broadcasts import (
    operator_broadcast_pause,
    operator_broadcast_resume,
    operator_broadcast_stop,
)
from admin_panel.tests.broadcasts import TEXTS, WHY, actor, linked, many_linked, now, running, written_to
from admin_panel.tests.workers import WAIT_SECONDS, WAITING, connected
from bot.models import BroadcastStatus, Notification
from exchanger.testing import factories
from exchanger.testing.waiting import until
from identity.tests.factories import UserFactory
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")


def fan_out(broadcast):
    return broadcast_fan_out(broadcast_id=broadcast.pk)


def test_everybody_has_it_once_in_their_language_and_nobody_else():
    english, ukrainian, russian = linked("en"), linked("uk"), linked("ru")
    UserFactory()
    broadcast = running()
    assert fan_out(broadcast) == 3
    rows = {row.user_id: row for row in Notification.objects.filter(broadcast=broadcast)}
    assert {person: row.message for person, row in rows.items()} == {
        english.pk: TEXTS["en"],
        ukrainian.pk: TEXTS["uk"],
        russian.pk: TEXTS["en"],
    }
    assert rows[english.pk].telegram_user_id == english.profile.telegram_user_id
    assert {row.notification_type for row in rows.values()} == {"broadcast.message"}
    done = now(broadcast)
    assert (done.status, done.queued, done.total) == (BroadcastStatus.RUNNING, 3, 3)
    assert fan_out(broadcast) == 0


def test_an_audience_of_nobody_is_made_at_once():
    broadcast = running()
    assert fan_out(broadcast) == 0
    assert (now(broadcast).total, now(broadcast).queued) == (0, 0)


def test_who_does_not_belong_is_left_out_and_the_days_are_counted_from_the_start():
    belongs, too_old = linked(), linked()
    start = timezone.now() - timedelta(days=5)
    OrderFactory(user_id=belongs.pk, created_at=start - timedelta(days=6))
    OrderFactory(user_id=too_old.pk, created_at=start - timedelta(days=8))
    broadcast = running(audience={"days": 7}, started_at=start)
    assert fan_out(broadcast) == 1
    assert written_to(broadcast) == [belongs.pk]


def test_a_chunk_is_a_bounded_number_of_statements(statements, world, monkeypatch):
    monkeypatch.setattr(broadcast_making, "CHUNK", 20)
    many_linked(world, 60)
    broadcast = running(audience={"days": 7})
    chunks = 4  # the last one finds nobody
    sent = statements(lambda: fan_out(broadcast))
    assert (len(sent["identity"]), len(sent["web"])) == (chunks, chunks - 1)
    changes = [sql for sql in sent["bot"] if sql.startswith(("UPDATE", "INSERT"))]
    assert len(changes) == chunks  # nobody has ordered anything, so nothing but the cursor is written
    assert len([sql for sql in sent["bot"] if sql.startswith("SELECT")]) == chunks + 1


@pytest.mark.parametrize("status", [status for status in BroadcastStatus if status is not BroadcastStatus.RUNNING])
def test_of_one_that_does_not_run_nothing_is_made(status, everything):
    linked()
    broadcast = running(status=status)
    before = everything()
    assert fan_out(broadcast) == 0
    assert everything() == before


class Killed(BaseException):
    """Stands for whatever ends a worker at this point; that a real one is killed is in test_broadcast_workers."""


def dying(function, *, call, done):
    """``function``, which dies at its ``call``-th call: when it is ``done``, or before."""
    calls = itertools.count(1)

    def die(*args, **options):
        last = next(calls) == call
        if last and not done:
            raise Killed
        made = function(*args, **options)
        if last:
            raise Killed
        return made

    return die


@pytest.mark.parametrize(
    ("place", "call", "done", "committed"),
    [
        ("read_chunk", 1, False, 0),
        ("read_chunk", 2, True, 20),
        ("bulk_create", 2, True, 20),
        ("read_chunk", 3, False, 40),
        ("bulk_create", 3, True, 40),
    ],
)
def test_it_goes_on_where_it_broke_off(place, call, done, committed, monkeypatch, world):
    monkeypatch.setattr(broadcast_making, "CHUNK", 20)
    people = many_linked(world, 50)
    broadcast = running()
    owner = broadcast_making if place == "read_chunk" else Notification.objects
    with monkeypatch.context() as bent:
        bent.setattr(owner, place, dying(getattr(owner, place), call=call, done=done))
        with pytest.raises(Killed):
            fan_out(broadcast)
    assert (now(broadcast).queued, len(written_to(broadcast)), now(broadcast).total) == (committed, committed, None)
    assert fan_out(broadcast) == 50 - committed
    found = written_to(broadcast)
    assert (len(found), set(found)) == (50, people)
    assert (now(broadcast).queued, now(broadcast).total) == (50, 50)


def closing(call):
    try:
        return call()
    finally:
        connections.close_all()


def test_several_workers_at_once_take_turns(monkeypatch, world):
    monkeypatch.setattr(broadcast_making, "CHUNK", 20)
    people = many_linked(world, 210)
    broadcast = running()
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: closing(lambda: fan_out(broadcast)), range(3)))
    found = written_to(broadcast)
    assert (len(found), set(found), sum(made)) == (210, people, 210)
    assert (now(broadcast).queued, now(broadcast).total) == (210, 210)


@pytest.mark.parametrize("move", [operator_broadcast_pause, operator_broadcast_stop])
def test_a_pause_or_a_stop_waits_for_one_chunk_and_ends_the_making(move, monkeypatch, world):
    monkeypatch.setattr(broadcast_making, "CHUNK", 20)
    many_linked(world, 400)
    broadcast, by = running(audience={"days": 7}), actor("*")
    web, bot = world.superuser("web"), world.superuser("bot")
    with ThreadPoolExecutor(2) as pool:
        with connected(web) as held:
            held.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            making = pool.submit(closing, lambda: fan_out(broadcast))
            until(lambda: web.execute(WAITING.format("count(*)"), ['%"orders"%']).fetchone()[0], seconds=WAIT_SECONDS)
            moving = pool.submit(closing, lambda: move(actor=by, broadcast=broadcast, reason=WHY))
            until(
                lambda: bot.execute(WAITING.format("count(*)"), ["%FOR NO KEY UPDATE%"]).fetchone()[0],
                seconds=WAIT_SECONDS,
            )
        making.result()
        moved = moving.result()
    assert moved.status in (BroadcastStatus.PAUSED, BroadcastStatus.STOPPED)
    stopped_at = now(broadcast)
    assert stopped_at.total is None
    assert fan_out(broadcast) == 0
    assert now(broadcast).cursor == stopped_at.cursor


def test_a_paused_one_goes_on_to_the_rest_alone(monkeypatch, world):
    monkeypatch.setattr(broadcast_making, "CHUNK", 20)
    people, by = many_linked(world, 50), actor("*")
    broadcast = running()
    assert broadcast_making._make_chunk(broadcast.pk) is not None
    operator_broadcast_pause(actor=by, broadcast=broadcast, reason=WHY)
    assert fan_out(broadcast) == 0
    operator_broadcast_resume(actor=by, broadcast=broadcast, reason=WHY)
    assert fan_out(broadcast) == 30
    found = written_to(broadcast)
    assert (len(found), set(found)) == (50, people)


def test_the_schedule_asks_again_for_what_lost_its_job_and_once(world):
    broadcast = running()
    running(status=BroadcastStatus.PAUSED)
    running(total=5)
    for _ in range(2):
        broadcasts_attend()
    jobs = world.superuser("admin").execute("SELECT task_name, args FROM procrastinate_jobs").fetchall()
    assert jobs == [("broadcasts.fan_out", {"broadcast_id": str(broadcast.pk)})]


def test_it_is_done_when_nothing_of_it_waits_any_more():
    linked(), linked()
    broadcast = running()
    assert broadcasts_attend() == 0
    fan_out(broadcast)
    assert broadcasts_attend() == 0
    first, second = Notification.objects.filter(broadcast=broadcast)
    with factories.as_owner():
        Notification.objects.filter(pk=first.pk).update(sent=True, sent_at=timezone.now())
    assert broadcasts_attend() == 0
    with factories.as_owner():
        Notification.objects.filter(pk=second.pk).update(dead_at=timezone.now())
    assert broadcasts_attend() == 1
    ended = now(broadcast)
    assert (ended.status, ended.finished_at is not None) == (BroadcastStatus.DONE, True)
    assert broadcasts_attend() == 0


@pytest.mark.parametrize("status", [BroadcastStatus.PAUSED, BroadcastStatus.STOPPED, BroadcastStatus.DRAFT])
def test_what_does_not_run_is_not_ended(status):
    broadcast = running(status=status, total=0)
    assert broadcasts_attend() == 0
    assert now(broadcast).status == status
