"""What the tests of the session contract share: both kinds of session, both ways to call, both stores' contents."""

import json

import pytest
from asgiref.sync import async_to_sync

from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.sessions import SessionStore
from identity.tests.factories import UserFactory

both_kinds = pytest.mark.parametrize("kind", ["anonymous", "person"])
both_ways = pytest.mark.parametrize("way", ["sync", "async"])


def saved(kind, **data):
    """A saved session with ``data``: an anonymous one (in Redis alone) or a person's (a row)."""
    session = SessionStore() if kind == "anonymous" else session_open(user=UserFactory())
    session.update(data)
    session.save()
    return session


def call(way, session, name, *args, **kwargs):
    """Call a method of the session, or its async twin; ``set`` is the item assignment."""
    if way == "async":
        return async_to_sync(getattr(session, f"a{name}"))(*args, **kwargs)
    return getattr(session, "__setitem__" if name == "set" else name)(*args, **kwargs)


def own(session):
    """The session's data without what authentication keeps there."""
    return {name: value for name, value in session.items() if not name.startswith("_auth_")}


def rows(world):
    """Every row: its id, context and data."""
    found = world.superuser("identity").execute("SELECT id, application_context, session_data FROM sessions")
    return {row_id: (context, data) for row_id, context, data in found.fetchall()}


def cache_key(session_key, context="web"):
    return f"identity:session:{context}:{stored_id(session_key)}"


def keys(world):
    with world.redis() as client:
        return {key.decode() for key in client.keys("identity:session:*")}


def cached(world, session_key):
    """The cached value of a session; None when there is none."""
    with world.redis() as client:
        held = client.get(cache_key(session_key))
    return None if held is None else json.loads(held)


def plant(world, session_key, value):
    """Put bytes where the cached value of a session belongs."""
    with world.redis() as client:
        client.set(cache_key(session_key), value)


def contents(world):
    """Everything both stores hold, to show that nothing changed."""
    with world.redis() as client:
        return rows(world), {key: client.get(key) for key in sorted(keys(world))}
