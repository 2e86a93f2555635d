"""A session that has ended is read by nobody again: every order of what processes do at once, every fault in between.

Two and three real processes on the real engine, PostgreSQL and Valkey, stopped before every statement and command.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement

import pytest
from django.db import connections
from redis.exceptions import RedisError

from exchanger.kernel.cache import access
from exchanger.tests.lockstep import KILLED, LATE, ON_REDIS
from identity.services.sessions import session_open
from identity.sessions import SessionStore
from identity.tests.factories import UserFactory
from identity.tests.session_bends import BENDS
from identity.tests.session_races import AnonymousRace, HealingRace, Race, all_runs

PAIRS = [
    *combinations_with_replacement(["load", "save", "delete", "cycle", "login", "password", "revoke"], 2),
    *(("touch", other) for other in ["load", "save", "delete", "cycle", "revoke"]),
]
ENDINGS = [
    ("load", "delete"),
    ("save", "delete"),
    ("delete", "cycle"),
    ("delete", "delete"),
    ("load", "revoke"),
    ("save", "revoke"),
    ("cycle", "revoke"),
    ("login", "revoke"),
    ("load", "expire"),
    ("save", "expire"),
]
LOGOUTS = [pieces for pieces in ENDINGS if "expire" not in pieces]
TYPICAL = [("load", "delete"), ("save", "delete"), ("delete", "cycle"), ("load", "revoke")]
TRIPLES = [
    ("load", "load", "delete"),
    ("load", "save", "delete"),
    ("load", "cycle", "delete"),
    ("load", "save", "revoke"),
]
ANONYMOUS = [
    ("load", "delete"),
    ("save", "delete"),
    ("load", "save", "delete"),
    ("delete", "delete"),
    ("load", "log_in_here"),
    ("save", "log_in_here"),
]


@pytest.mark.parametrize("pieces", PAIRS, ids="+".join)
def test_every_order_of_two(stage, world, pieces):
    assert all_runs(Race(stage, world, pieces)) >= 2


@pytest.mark.parametrize("pieces", TRIPLES, ids="+".join)
def test_every_order_of_three(stage, world, pieces):
    assert all_runs(Race(stage, world, pieces), starts=[False]) >= 7


@pytest.mark.parametrize("pieces", ENDINGS, ids="+".join)
def test_any_command_to_redis_is_refused_or_its_answer_lost(stage, world, pieces):
    assert all_runs(Race(stage, world, pieces), faults=ON_REDIS, starts=[True]) >= 7


@pytest.mark.parametrize("pieces", ENDINGS, ids="+".join)
def test_redis_goes_away_at_any_moment_and_comes_back_with_what_it_had(stage, world, pieces):
    assert all_runs(Race(stage, world, pieces), event="down", starts=[True]) >= 7


@pytest.mark.parametrize("pieces", [*TYPICAL, ("load", "expire")], ids="+".join)
def test_redis_is_restarted_empty_at_any_moment(stage, world, pieces):
    assert all_runs(Race(stage, world, pieces), event="emptied", starts=[True]) >= 7


@pytest.mark.parametrize("pieces", LOGOUTS, ids="+".join)
def test_any_of_them_is_killed_at_any_moment(stage, world, pieces):
    assert all_runs(Race(stage, world, pieces), faults=KILLED, starts=[True]) >= 2


@pytest.mark.parametrize("pieces", ANONYMOUS, ids="+".join)
def test_an_anonymous_session(stage, world, pieces):
    assert all_runs(AnonymousRace(stage, world, pieces), starts=[True]) >= 2


@pytest.mark.parametrize(
    "pieces", [("save", "delete"), ("load", "save", "delete"), ("save", "log_in_here")], ids="+".join
)
def test_an_anonymous_session_while_an_answer_is_lost(stage, world, pieces):
    assert all_runs(AnonymousRace(stage, world, pieces), faults=["lost"], starts=[True]) >= 7


@pytest.mark.parametrize("pieces", ANONYMOUS, ids="+".join)
def test_an_anonymous_session_while_redis_is_away(stage, world, pieces):
    assert all_runs(AnonymousRace(stage, world, pieces), event="down", starts=[True]) >= 2


@pytest.mark.parametrize("troubles", [{}, {"faults": ("lost",), "victim": "web1"}], ids=["whole", "failing"])
def test_nobody_believes_redis_again_before_what_ended_meanwhile_is_gone(stage, world, troubles):
    assert all_runs(HealingRace(stage, world, ("load", "load")), starts=[True], **troubles) >= 10


def test_a_worker_that_dies_while_it_replays_changes_nothing_of_that(stage, world):
    assert all_runs(HealingRace(stage, world, ("replay",)), starts=[True], faults=KILLED) >= 3


@pytest.mark.parametrize("piece", ["load", "save", "touch", "delete", "cycle", "login", "revoke"])
def test_an_answer_that_comes_too_late_leaves_nothing_behind(stage, world, piece):
    assert all_runs(Race(stage, world, (piece,), hasty=True), faults=LATE) >= 3


FOUND = {
    "save_replaces_a_lease": (Race, ("load", "save", "delete"), {}),
    "fill_needs_no_lease": (Race, ("load", "delete"), {}),
    "deletion_leaves_no_note": (Race, ("load", "delete"), {"event": "down"}),
    "trust_comes_before_replay": (HealingRace, ("load", "load"), {}),
    "cycling_asks_for_no_session": (Race, ("cycle", "revoke"), {}),
    "anonymous_save_replaces_a_lease": (AnonymousRace, ("load", "save", "delete"), {"faults": ["lost"]}),
}


@pytest.mark.parametrize("bend", BENDS)
def test_the_checker_finds_a_fault_that_is_built_into_the_engine(stage, world, bend):
    kind, pieces, troubles = FOUND[bend]
    race = kind(stage, world, pieces, bend=bend)
    assert any(race.found(race.runs(warm=warm, **troubles)) for warm in (False, True))


@pytest.mark.context("web")
def test_a_logout_in_one_thread_while_another_finds_redis_back_is_final(world, settings, monkeypatch):
    settings.REDIS_PROBE_SECONDS = 0.0
    key = session_open(user=UserFactory()).session_key
    assert SessionStore(key)["_auth_user_id"]
    replay = access.circuit.before_trusting

    def log_out():
        SessionStore(key).delete()
        connections.close_all()

    def replay_and_another_logs_out():
        replay()
        with ThreadPoolExecutor() as threads:
            threads.submit(log_out).result()

    monkeypatch.setattr(access.circuit, "before_trusting", replay_and_another_logs_out)
    access.circuit._trip(RedisError("cut off"))
    assert dict(SessionStore(key).items()) == {}
    assert not access.circuit.is_open
    assert dict(SessionStore(key).items()) == {}
