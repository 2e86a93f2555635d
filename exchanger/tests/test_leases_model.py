"""Every interleaving of load, save, login and revoke, on the real lease code and a real server, crashes included.

Bad is a value in the cache whose row is gone, or one that is not the row's. A save that dies between its commit and
its write-through may leave an older value of a living session for others to read, never a dead one.
"""

from datetime import timedelta
from itertools import combinations_with_replacement

import pytest
from django.utils import timezone

from exchanger.kernel.cache import access, leases
from exchanger.kernel.cache.codec import decode
from exchanger.kernel.cache.leases import CoherentCache, Loaded, unlink
from exchanger.kernel.cache.namespaces import SESSIONS
from exchanger.tests.interleavings import explore, pause, steps

pytestmark = pytest.mark.context("web")
IDENT = "a-session"


class PausingClient:
    """The process's client, with a pause before every command: where another process may come in between."""

    def __init__(self, client):
        self._client = client

    def set(self, *args, **kwargs):
        pause()
        return self._client.set(*args, **kwargs)

    def execute_command(self, *args, **kwargs):
        pause()
        return self._client.execute_command(*args, **kwargs)

    def pipeline(self, **kwargs):
        pause()
        return self._client.pipeline(**kwargs)


class World:
    """One row of PostgreSQL (its version, or None), the key in Redis, and the note of a pending deletion."""

    def __init__(self, client):
        self.client = client
        self.cache = CoherentCache(SESSIONS)
        self.key = SESSIONS.key(IDENT)
        self.row = None
        self.pending = False

    def reset(self, row, cached):
        self.row, self.pending = row, False
        self.client.unlink(self.key)
        if cached is not None:
            lease = self.cache.lease(IDENT)
            self.cache.fill(lease, self._loaded(cached))

    def cached(self):
        held = self.client.get(self.key)
        return decode(held)["version"] if held is not None and held.startswith(b"{") else None

    def load(self):
        def read():
            pause()
            return None if self.row is None else self._loaded(self.row)

        self.cache.get(IDENT, read)

    def save(self):
        pause()
        if self.row is None:
            return
        self.row += 1
        version = self.row
        self.cache.write_through(IDENT, self._loaded(version), version)

    def login(self):
        lease = self.cache.lease(IDENT)
        pause()
        self.row = 1
        if lease is not None:
            self.cache.fill(lease, self._loaded(1))

    def revoke(self):
        pause()
        if self.row is None:
            return
        self.row, self.pending = None, True  # one statement: the deletion and its note
        unlink([self.key])
        self.pending = False

    def replay(self):
        """What whichever process reaches Redis first does with the note."""
        if self.pending:
            self.client.unlink(self.key)
            self.pending = False

    def _loaded(self, version):
        return Loaded({"version": version}, timezone.now() + timedelta(hours=1))


@pytest.fixture
def model(monkeypatch):
    client = access.redis_client()
    monkeypatch.setattr(access, "redis_client", lambda: PausingClient(client))
    return World(client)


LIVING = [
    *combinations_with_replacement(["load", "save", "revoke"], 3),
    ("load", "load", "save", "revoke"),
]
STARTS = [(1, None), (1, 1)]


def check(model, run, names, *, save_died=False):
    model.replay()
    cached = model.cached()
    story = f"{names} {run}: row {model.row}, cached {cached}"
    if model.row is None:
        assert cached is None, f"dead but readable: {story}"
    elif cached is not None:
        assert cached == model.row or (save_died and cached < model.row), f"stale: {story}"


def starter(model, names, row, cached):
    def start():
        model.reset(row, cached)
        return [getattr(model, name) for name in names]

    return start


@pytest.mark.parametrize("names", LIVING, ids="+".join)
def test_no_interleaving_leaves_a_dead_or_stale_value(model, names):
    runs = 0
    for row, cached in STARTS:
        for run in explore(starter(model, names, row, cached)):
            check(model, run, names)
            runs += 1
    assert runs >= len(STARTS) * 18


@pytest.mark.parametrize("names", [("login", "load", "revoke"), ("login", "save", "revoke")], ids="+".join)
def test_a_login_that_races_its_own_revocation_is_not_readable_after_it(model, names):
    for run in explore(starter(model, names, None, None)):
        check(model, run, names)


@pytest.mark.parametrize("names", [("load", "save", "revoke"), ("load", "load", "revoke")], ids="+".join)
def test_whoever_crashes_between_any_two_steps_leaves_no_dead_session_readable(model, names):
    for row, cached in STARTS:
        start = starter(model, names, row, cached)
        for crashing, name in enumerate(names):
            for before in range(steps(start, crashing)):
                for run in explore(start, crashing=crashing, crash_before=before):
                    check(model, run, names, save_died=name == "save")


def test_the_checker_finds_the_fault_of_a_save_that_replaces_a_lease(model, monkeypatch):
    """The tempting rule, which brings a session back: a save after a logout and a new reader's lease."""
    tempting = leases._WRITE_THROUGH.replace(
        "if ARGV[3] == '0' or not version then return redis.call('UNLINK', KEYS[1]) end",
        "if not version then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]) return 1 end",
    )
    assert tempting != leases._WRITE_THROUGH
    monkeypatch.setattr(leases, "_WRITE_THROUGH", tempting)
    names = ("load", "save", "revoke")
    found = []
    for run in explore(starter(model, names, 1, None)):
        model.replay()
        found += [run.schedule] if model.row is None and model.cached() is not None else []
    assert found
