"""Real workers make a broadcast's notifications: everybody's once, though one of them is killed in the middle."""

import pytest

from admin_panel.services.broadcast_making import CHUNK
from admin_panel.services.broadcasts import operator_broadcast_start
from admin_panel.tests.broadcasts import WHY, actor, many_linked, now, running, written_to
from admin_panel.tests.workers import WAITING, Workers, connected
from bot.models import BroadcastStatus
from exchanger.testing.jobs import give_back_stalled

pytestmark = pytest.mark.context("admin")
INSERTING = 'INSERT INTO "notifications"%'


@pytest.fixture
def workers(world):
    workers = Workers(world, "broadcasts")
    yield workers
    workers.close()


def started():
    draft = running(status=BroadcastStatus.DRAFT)
    return operator_broadcast_start(actor=actor("*"), broadcast=draft, reason=WHY)


def all_made(broadcasts):
    return all(now(broadcast).total is not None for broadcast in broadcasts)


def test_two_workers_make_every_notification_once(workers, world):
    people = many_linked(world, CHUNK + 10)
    broadcasts = [started() for _ in range(3)]
    workers.start()
    workers.start()
    workers.wait_for(lambda: all_made(broadcasts))
    for broadcast in broadcasts:
        found = written_to(broadcast)
        assert (len(found), set(found), now(broadcast).queued) == (len(people), people, len(people))


def test_a_worker_killed_in_the_middle_of_a_chunk_leaves_whole_chunks_and_the_next_goes_on(workers, world):
    people = many_linked(world, 2 * CHUNK + 10)
    broadcast = started()
    bot, admin = world.superuser("bot"), world.superuser("admin")
    in_second = sorted(people)[CHUNK + 5]
    with connected(bot) as held:
        # The same row as one of the second chunk's, not committed: the worker waits for it with its chunk half written.
        held.execute(
            "INSERT INTO notifications (user_id, message, notification_type, broadcast_id) VALUES (%s, '', '', %s)",
            [in_second, broadcast.pk],
        )
        killed = workers.start()
        workers.wait_for(lambda: bot.execute(WAITING.format("count(*)"), [INSERTING]).fetchone()[0])
        killed.kill()
        bot.execute(WAITING.format("pg_terminate_backend(pid)"), [INSERTING])
        held.rollback()
    half = now(broadcast)
    assert (half.queued, half.total, half.cursor) == (CHUNK, None, sorted(people)[CHUNK - 1])
    assert sorted(written_to(broadcast)) == sorted(people)[:CHUNK]
    give_back_stalled(admin)
    workers.start()
    workers.wait_for(lambda: all_made([broadcast]))
    found = written_to(broadcast)
    assert (len(found), set(found)) == (len(people), people)
    assert (now(broadcast).queued, now(broadcast).total) == (len(people), len(people))
