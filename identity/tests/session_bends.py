"""Faults that somebody could build into the engine, one small change each: the tests must find every one of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.backends.base import SessionBase

from exchanger.kernel.cache import access, leases
from identity import anonymous_sessions, session_rows
from identity.sessions import SessionStore

Bend = pytest.MonkeyPatch  # what is bent, with ``undo``


def save_replaces_a_lease(patch: pytest.MonkeyPatch) -> None:
    _replace(
        patch,
        "_WRITE_THROUGH",
        "if ARGV[3] == '0' or not version then return redis.call('UNLINK', KEYS[1]) end",
        "if not version then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]) return 1 end",
    )


def fill_needs_no_lease(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, "_FILL", "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end", "")


def deletion_leaves_no_note(patch: pytest.MonkeyPatch) -> None:
    real = session_rows.delete

    def delete(*args: Any) -> int | None:
        note = real(*args)
        if note is not None:
            session_rows.forget_pending(note)
        return note

    patch.setattr(session_rows, "delete", delete)


def trust_comes_before_replay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(access.circuit, "before_trusting", lambda: None)


def cycling_asks_for_no_session(patch: pytest.MonkeyPatch) -> None:
    """Django's own: a new session with the data of the old one, whatever became of that."""
    patch.setattr(SessionStore, "cycle_key", SessionBase.cycle_key)


def anonymous_save_replaces_a_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        anonymous_sessions,
        "_REPLACE_ANONYMOUS",
        "return redis.call('SET', KEYS[1], ARGV[1], 'XX', 'PX', ARGV[2]) and 1 or 0",
    )


def _replace(patch: pytest.MonkeyPatch, script: str, line: str, by: str) -> None:
    bent = getattr(leases, script).replace(line, by)
    assert bent != getattr(leases, script), f"{script} has no such line any more"
    patch.setattr(leases, script, bent)


def _made(bend: Callable[[pytest.MonkeyPatch], None]) -> Callable[[], Bend]:
    def make() -> Bend:
        patch = pytest.MonkeyPatch()
        bend(patch)
        return patch

    return make


BENDS: dict[str, Callable[[], Bend]] = {
    bend.__name__: _made(bend)
    for bend in (
        save_replaces_a_lease,
        fill_needs_no_lease,
        deletion_leaves_no_note,
        trust_comes_before_replay,
        cycling_asks_for_no_session,
        anonymous_save_replaces_a_lease,
    )
}
