"""Claims and their ends: who gets what, in which order, and whose word counts when a claim has run out."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from bot.models import Notification
from bot.services.notification_delivery import (
    LEASE_SECONDS,
    End,
    Outcome,
    notifications_claim,
    notifications_record,
)
from bot.tests.factories import BroadcastFactory, NotificationFactory
from bot.tests.sending import time_passes

pytestmark = pytest.mark.context("telegram")


def notify(chat_id, text="x", *, seconds_ago=0, **values):
    """One that was made so long ago and has been due since."""
    at = timezone.now() - timedelta(seconds=seconds_ago)
    return NotificationFactory(
        telegram_user_id=chat_id, message=text, **{"created_at": at, "next_attempt_at": at, **values}
    )


def claim(limit=100):
    return notifications_claim(limit=limit)


def texts(limit=100):
    return [claimed.text for claimed in claim(limit)]


def end(*claimed, end=End.SENT, **how):
    notifications_record(outcomes=[Outcome(each, end, **how) for each in claimed])


def test_the_oldest_are_claimed_first_and_nobody_else_gets_them():
    for number in range(4):
        notify(7000 + number, str(number), seconds_ago=100 - number)
    assert sorted(texts(limit=2)) == ["0", "1"]
    assert sorted(texts()) == ["2", "3"]
    assert texts() == []
    held = Notification.objects.values_list("claimed_until", flat=True)
    assert all(0 < (until - timezone.now()).total_seconds() <= LEASE_SECONDS for until in held)


def test_a_claim_that_has_run_out_is_anybodys(world):
    notify(7000)
    (first,) = claim()
    time_passes(world)
    (second,) = claim()
    assert (first.id, first.claimed_until < second.claimed_until) == (second.id, True)


def test_what_is_not_due_sent_or_dead_is_left_alone():
    later = timezone.now() + timedelta(minutes=1)
    notify(7000, next_attempt_at=later)
    notify(7001, sent=True, sent_at=timezone.now())
    notify(7002, dead_at=timezone.now())
    assert claim() == []


def test_of_a_chat_only_the_oldest_is_claimed_and_the_next_when_that_has_ended():
    for number in range(3):
        notify(7000, str(number), seconds_ago=100 - number)
    for expected in ("0", "1", "2"):
        (claimed,) = claim()
        assert claimed.text == expected
        assert claim() == []
        end(claimed)
    assert claim() == []


def test_one_that_waits_for_another_try_keeps_the_later_ones_of_its_chat_waiting_and_a_dead_one_does_not():
    notify(7000, "first", seconds_ago=2)
    notify(7000, "second", seconds_ago=1)
    (first,) = claim()
    end(first, end=End.FAILED, failure="No answer.", seconds=60)
    assert claim() == []
    Notification.objects.filter(message="first").update(next_attempt_at=timezone.now())
    (first,) = claim()
    end(first, end=End.DEAD, failure="Refused.")
    assert texts() == ["second"]


def test_broadcasts_come_after_peoples_own_news_one_a_chat_and_the_earlier_broadcast_first():
    later = BroadcastFactory(status="running")
    earlier = BroadcastFactory(status="done", created_at=timezone.now() - timedelta(days=1))
    paused = BroadcastFactory(status="paused")
    notify(7000, "paused", seconds_ago=900, broadcast=paused)
    notify(7000, "earlier", seconds_ago=800, broadcast=earlier)
    notify(7000, "later", seconds_ago=700, broadcast=later)
    notify(7001, "later", seconds_ago=700, broadcast=later)
    notify(7000, "news")
    claimed = claim()
    assert [(each.chat_id, each.text) for each in claimed] == [(7000, "news"), (7001, "later")]
    for expected in ("earlier", "later"):
        end(*claimed)
        claimed = claim()
        assert [(each.chat_id, each.text) for each in claimed] == [(7000, expected)]
    end(*claimed)
    assert claim() == []


def test_of_a_chat_nothing_else_is_claimed_while_a_later_one_or_a_broadcasts_is_being_sent():
    notify(7000, "broadcast", broadcast=BroadcastFactory(status="running"))
    (sending,) = claim()
    notify(7000, "news", seconds_ago=60)
    assert claim() == []
    end(sending)
    assert texts() == ["news"]


def test_a_few_broadcasts_share_the_limit():
    for _ in range(3):
        broadcast = BroadcastFactory(status="running")
        for person in range(4):
            notify(8000 + person, broadcast=broadcast)
    assert len(claim(limit=3)) == 3
    assert len(claim(limit=3)) == 1  # of each chat one is claimed already


def test_any_number_claim_at_once_and_each_row_is_had_once():
    for number in range(120):
        notify(7000 + number % 40, str(number), seconds_ago=200 - number)
    together, had, problems = threading.Barrier(4), [], []

    def work():
        try:
            together.wait()
            for _ in range(30):
                claimed = claim(limit=7)
                had.extend(claimed)
                end(*claimed)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    end(*(rest := claim()))
    assert sorted(int(each.text) for each in [*had, *rest]) == list(range(120))
    assert Notification.objects.filter(sent=True).count() == 120


@pytest.mark.parametrize("of_a_broadcast", [False, True])
def test_whoever_is_held_by_another_transaction_is_skipped_and_not_waited_for(world, of_a_broadcast):
    broadcast = BroadcastFactory(status="running") if of_a_broadcast else None
    busy, _ = (
        notify(7000, "busy", seconds_ago=1, broadcast=broadcast),
        notify(7001, "free", broadcast=broadcast),
    )
    operator = world.superuser("bot")
    with operator.transaction():
        operator.execute("SELECT FROM notifications WHERE id = %s FOR UPDATE", (busy.pk,))
        assert texts() == ["free"]
    assert texts() == ["busy"]


def test_of_a_claim_that_has_run_out_only_a_success_is_recorded(world):
    row = notify(7000)
    (late,) = claim()
    time_passes(world)
    (current,) = claim()
    end(late, end=End.DEAD, failure="Refused.")
    row.refresh_from_db()
    assert (row.dead_at, row.attempts, row.claimed_until) == (None, 0, current.claimed_until)
    end(late)
    row.refresh_from_db()
    assert (row.sent, row.claimed_until) == (True, None)
    end(current, end=End.FAILED, failure="No answer.", seconds=60)
    end(current)
    row.refresh_from_db()
    assert (row.sent, row.attempts, row.failure) == (True, 0, "")


def test_putting_off_is_no_attempt_and_keeps_its_place():
    row = notify(7000, seconds_ago=100)
    (claimed,) = claim()
    end(claimed, end=End.PUT_OFF)
    before = row.next_attempt_at
    row.refresh_from_db()
    assert (row.attempts, row.next_attempt_at, row.claimed_until) == (0, before, None)
    (claimed,) = claim()
    end(claimed, end=End.PUT_OFF, seconds=30)
    row.refresh_from_db()
    assert row.attempts == 0
    assert 0 < (row.next_attempt_at - timezone.now()).total_seconds() <= 30


def test_a_claim_and_a_record_cost_a_few_statements_however_many_there_are(django_assert_num_queries):
    for number in range(20):
        notify(7000 + number)
    with django_assert_num_queries(4, using="bot"):  # BEGIN and COMMIT among them
        claimed = claim()
    outcomes = [Outcome(each, End.SENT, message_id=1) for each in claimed[:10]]
    outcomes += [Outcome(each, End.DEAD, "Gone.", gone=True) for each in claimed[10:]]
    with django_assert_num_queries(5, using="bot"):
        notifications_record(outcomes=outcomes)
