"""What operators do with a broadcast: with the permission, a reason and an entry, along its moves, one at a time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections

from admin_panel.audiences import Audience
from admin_panel.models import AuditLog
from admin_panel.services.broadcasts import (
    MAY_CONDUCT,
    MAY_WRITE,
    BroadcastRefused,
    operator_broadcast_pause,
    operator_broadcast_resume,
    operator_broadcast_start,
    operator_broadcast_stop,
    operator_broadcast_try,
    operator_broadcast_write,
)
from admin_panel.services.notifications import NotificationRefused
from admin_panel.services.permissions import ReasonMissing
from admin_panel.tests.broadcasts import TEXTS, WHY, actor, link, now, running, trail
from bot.models import Broadcast, BroadcastStatus, Notification
from bot.tests.factories import BroadcastFactory
from bot.transitions import BROADCASTS
from exchanger.kernel.money.pairs import Pair

pytestmark = pytest.mark.context("admin")
MAY_SEE = "bot.view_broadcast"
MOVES = {
    "start": (operator_broadcast_start, BroadcastStatus.DRAFT, BroadcastStatus.RUNNING),
    "pause": (operator_broadcast_pause, BroadcastStatus.RUNNING, BroadcastStatus.PAUSED),
    "resume": (operator_broadcast_resume, BroadcastStatus.PAUSED, BroadcastStatus.RUNNING),
    "stop": (operator_broadcast_stop, BroadcastStatus.RUNNING, BroadcastStatus.STOPPED),
}
ALL = {**{verb: service for verb, (service, _, _) in MOVES.items()}, "try": operator_broadcast_try}
ALLOWED = {verb: [before] for verb, (_, before, _) in MOVES.items()} | {
    "stop": [before for before, to in BROADCASTS.items() if BroadcastStatus.STOPPED in to]
}
WRONG = [(verb, status) for verb, statuses in ALLOWED.items() for status in BroadcastStatus if status not in statuses]


def write(by, texts=TEXTS, audience=None, reason=WHY):
    return operator_broadcast_write(actor=by, texts=texts, audience=audience or Audience(), reason=reason)


def test_a_draft_is_written_and_nothing_is_sent():
    by = actor(MAY_WRITE)
    draft = now(write(by, audience=Audience("uk", 30, Pair("USD", "UAH"))))
    assert (draft.status, draft.texts, draft.created_by, draft.reason) == ("draft", TEXTS, by.admin_id, WHY)
    assert draft.audience == {"language": "uk", "days": 30, "pair": "USD/UAH"}
    assert not Notification.objects.exists()
    [entry] = AuditLog.objects.select_related("result")
    assert (entry.action, entry.resource_id, entry.outcome) == ("broadcast.write", str(draft.pk), "done")
    assert entry.new_values == {"texts": TEXTS, "audience": draft.audience, "reason": WHY}


@pytest.mark.parametrize(
    ("permissions", "fields", "refusal", "ended"),
    [
        ([MAY_SEE, MAY_CONDUCT], {}, PermissionDenied, "denied"),
        (["*"], {"reason": ""}, ReasonMissing, "failed"),
        (["*"], {"texts": {"uk": "Працюємо в неділю."}}, BroadcastRefused, "failed"),
        (["*"], {"texts": {"en": "Hello", "xx": "Hello"}}, BroadcastRefused, "failed"),
        (["*"], {"texts": {"en": " "}}, NotificationRefused, "failed"),
        (["*"], {"texts": {"en": "Hello", "uk": "a" * 4097}}, NotificationRefused, "failed"),
    ],
)
def test_a_draft_that_is_refused_is_not_there(permissions, fields, refusal, ended, everything):
    by = actor(*permissions)
    before = everything()
    with pytest.raises(refusal):
        write(by, **fields)
    assert everything() == before
    assert trail() == [("broadcast.write", ended)]


@pytest.mark.parametrize("verb", MOVES)
def test_a_move_is_made_with_its_reason_and_is_in_the_trail(verb):
    service, before, after = MOVES[verb]
    broadcast, by = running(status=before), actor(MAY_CONDUCT)
    moved = service(actor=by, broadcast=broadcast, reason=WHY)
    assert (moved.status, moved.reason) == (after, WHY)
    assert (moved.started_at is not None, moved.finished_at is not None) == (verb == "start", verb == "stop")
    [entry] = AuditLog.objects.select_related("result")
    assert (entry.action, entry.resource_id, entry.outcome) == (f"broadcast.{verb}", str(broadcast.pk), "done")
    assert (entry.admin_id, entry.old_values, entry.new_values) == (
        by.admin_id,
        {"status": before},
        {"status": after, "reason": WHY},
    )


@pytest.mark.parametrize(("verb", "status"), WRONG)
def test_a_move_that_is_not_declared_is_refused_and_changes_nothing(verb, status, everything):
    broadcast, by = running(status=status), actor("*")
    before = everything()
    with pytest.raises(BroadcastRefused, match="Nothing was done"):
        ALL[verb](actor=by, broadcast=broadcast, reason=WHY)
    assert everything() == before
    assert trail() == [(f"broadcast.{verb}", "failed")]


@pytest.mark.parametrize("verb", ALL)
@pytest.mark.parametrize(
    ("permissions", "reason", "refusal", "ended"),
    [([MAY_SEE, MAY_WRITE], WHY, PermissionDenied, "denied"), (["*"], " ", ReasonMissing, "failed")],
)
def test_each_asks_for_the_permission_and_the_reason(verb, permissions, reason, refusal, ended, everything, world):
    status = MOVES[verb][1] if verb in MOVES else BroadcastStatus.DRAFT
    broadcast, by = running(status=status), actor(*permissions)
    link(by.admin_id, world)
    before = everything()
    with pytest.raises(refusal):
        ALL[verb](actor=by, broadcast=broadcast, reason=reason)
    assert everything() == before
    assert trail() == [(f"broadcast.{verb}", ended)]


@pytest.mark.parametrize("verbs", [("start", "start"), ("pause", "stop"), ("resume", "stop")], ids="-".join)
def test_of_two_operators_at_once_the_second_finds_what_the_first_has_done(verbs):
    broadcast = running(status=MOVES[verbs[0]][1])
    operators = [actor(MAY_CONDUCT), actor(MAY_CONDUCT)]

    def do(verb, by):
        try:
            return ALL[verb](actor=by, broadcast=Broadcast.objects.get(pk=broadcast.pk), reason=WHY).status
        except BroadcastRefused as refused:
            return str(refused)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = set(pool.map(do, verbs, operators))
    status = now(broadcast).status
    refused = {answer for answer in answers if answer.startswith("Nothing was done: the broadcast is")}
    # Stopping goes on from wherever the other has brought it; everything else is done by one of them alone.
    assert len(refused) == 1 or (status == "stopped" and "stop" in verbs)
    assert answers - refused <= {"running", "paused", "stopped"}
    assert [outcome for _, outcome in trail()].count("failed") == len(refused)


def test_a_draft_is_tried_on_the_operator_alone_in_each_language(world):
    by = actor(MAY_CONDUCT)
    account = link(by.admin_id, world)
    draft = BroadcastFactory(texts=TEXTS)
    operator_broadcast_try(actor=by, broadcast=draft, reason=WHY)
    rows = Notification.objects.all()
    assert {(row.user_id, row.telegram_user_id, row.broadcast_id) for row in rows} == {(by.admin_id, account, None)}
    assert {row.message for row in rows} == set(TEXTS.values())
    assert now(draft).status == "draft"
    assert trail() == [("broadcast.try", "done")]


def test_who_has_linked_nothing_cannot_try_it(everything):
    by, draft = actor("*"), BroadcastFactory()
    before = everything()
    with pytest.raises(NotificationRefused, match="linked no Telegram account"):
        operator_broadcast_try(actor=by, broadcast=draft, reason=WHY)
    assert everything() == before


@pytest.mark.parametrize(("verb", "queued"), [("start", 1), ("resume", 1), ("pause", 0), ("stop", 0)])
def test_the_making_is_asked_for_once_where_it_goes_on(verb, queued, world):
    service, before, _ = MOVES[verb]
    broadcast = running(status=before)
    service(actor=actor("*"), broadcast=broadcast, reason=WHY)
    jobs = world.superuser("admin").execute("SELECT task_name, args, queueing_lock FROM procrastinate_jobs").fetchall()
    name = f"broadcasts.fan_out.{broadcast.pk}"
    assert jobs == [("broadcasts.fan_out", {"broadcast_id": str(broadcast.pk)}, name)] * queued
