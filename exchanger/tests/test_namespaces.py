"""The keys are the source document's, whole; another context's raise before Redis is asked."""

import pytest
from django.core.cache import cache

from exchanger.kernel.cache import namespaces
from exchanger.kernel.cache.leases import CoherentCache
from exchanger.kernel.cache.namespaces import (
    COMMANDS,
    CONVERSATIONS,
    INIT_DATA,
    METRICS,
    ORDERS,
    PACE,
    RATES,
    REPORTS,
    SESSIONS,
    THROTTLE,
    USERS,
)
from exchanger.kernel.contexts import ForeignContext, NoContext

HOUR = 3600
SOURCE = [  # namespace, context, ident, key, seconds: "Redis: namespaces and TTL"
    (SESSIONS, "web", "abc123", "identity:session:web:abc123", 24 * HOUR),
    (SESSIONS, "admin", "def789", "identity:session:admin:def789", 24 * HOUR),
    (SESSIONS, "telegram", "ghi012", "identity:session:telegram:ghi012", 24 * HOUR),
    (USERS, "web", "user_456", "identity:user:web:user_456", HOUR),
    (USERS, "admin", "admin_123", "identity:user:admin:admin_123", HOUR),
    (USERS, "telegram", "bot_345", "identity:user:telegram:bot_345", HOUR),
    (RATES, "web", "usd_uah", "cache:web:rates:usd_uah", 5 * 60),
    (ORDERS, "web", "1", "cache:web:orders:1", 30 * 60),
    (METRICS, "admin", "daily", "cache:admin:metrics:daily", 15 * 60),
    (REPORTS, "admin", "1", "cache:admin:reports:1", HOUR),
    (CONVERSATIONS, "telegram", "7", "cache:telegram:conversations:7", 24 * HOUR),
    (COMMANDS, "telegram", "help", "cache:telegram:commands:help", HOUR),
]

OUR_OWN = [  # what the source has no need of
    (THROTTLE, "web", "login:1", "cache:web:throttle:login:1", HOUR),
    (THROTTLE, "admin", "login:1", "cache:admin:throttle:login:1", HOUR),
    (THROTTLE, "telegram", "login:1", "cache:telegram:throttle:login:1", HOUR),
    (INIT_DATA, "telegram", "1", "cache:telegram:init_data:1", HOUR + 60),
    (PACE, "telegram", "chat:7", "cache:telegram:pace:chat:7", HOUR),
]


@pytest.mark.parametrize(("namespace", "context", "ident", "key", "seconds"), [*SOURCE, *OUR_OWN])
def test_keys_and_lifetimes_are_the_sources(namespace, context, ident, key, seconds, as_context):
    with as_context(context):
        assert namespace.key(ident) == key
        assert namespace.ttl == seconds


def test_every_declared_namespace_is_one_of_the_sources_or_of_ours():
    assert {namespace for namespace, *_ in [*SOURCE, *OUR_OWN]} == set(namespaces.NAMESPACES)


@pytest.mark.parametrize(
    ("context", "foreign"),
    [
        ("web", [METRICS, REPORTS, CONVERSATIONS, COMMANDS, INIT_DATA, PACE]),
        ("admin", [RATES, ORDERS, CONVERSATIONS, COMMANDS, INIT_DATA, PACE]),
        ("telegram", [RATES, ORDERS, METRICS, REPORTS]),
    ],
)
def test_another_contexts_namespace_raises_and_nothing_is_read_or_left(context, foreign, as_context, world):
    loaded = []
    with as_context(context):
        for namespace in foreign:
            with pytest.raises(ForeignContext):
                CoherentCache(namespace).get("x", lambda: loaded.append(1))
    assert loaded == []
    with world.redis() as client:
        assert client.keys("*") == []


@pytest.mark.context("web")
@pytest.mark.parametrize("key", ["cache:admin:metrics:daily", "identity:session:admin:x", "plain", "throttle_x", ""])
def test_djangos_own_cache_takes_no_key_outside_the_contexts_prefixes(key, world):
    for act in (cache.get, cache.delete, lambda key: cache.set(key, 1)):
        with pytest.raises(ForeignContext):
            act(key)
    with world.redis() as client:
        assert client.keys("*") == []


@pytest.mark.context("web")
def test_djangos_own_cache_keeps_literal_keys_and_json(world):
    cache.set("cache:web:orders:1", {"amount": "1.50"}, 60)
    with world.redis() as client:
        assert client.get("cache:web:orders:1") == b'{"amount":"1.50"}'
    assert cache.get("cache:web:orders:1") == {"amount": "1.50"}


def test_without_a_context_there_is_no_cache_at_all(world):
    with pytest.raises(NoContext):
        cache.get("cache:web:orders:1")
    with pytest.raises(NoContext):
        RATES.key("usd_uah")


@pytest.mark.context("web")
@pytest.mark.parametrize("ident", ["", "a b", "a\n", "*", "a" * 201, "é", "a\0"])
def test_an_identifier_that_could_mean_something_else_is_no_key(ident):
    with pytest.raises(ValueError, match="Not an identifier"):
        RATES.key(ident)


def test_only_declared_contexts_may_delete_in_another(as_context):
    with as_context("telegram"):
        assert [str(key) for key in USERS.deletable_keys("1")] == [
            "identity:user:admin:1",
            "identity:user:telegram:1",
            "identity:user:web:1",
        ]
        with pytest.raises(ForeignContext):
            RATES.deletable_keys("usd_uah")
        assert SESSIONS.deletable_keys("1") == ["identity:session:telegram:1"]
    with as_context("admin"):
        assert RATES.deletable_keys("usd_uah") == ["cache:web:rates:usd_uah"]
        assert len(SESSIONS.deletable_keys("1")) == 3
