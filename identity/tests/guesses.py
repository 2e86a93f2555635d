"""What the tests of throttling share: guesses, failures, and the passing of time."""

from django.test import Client

from identity.services.throttling import _reserve
from identity.tests.factories import PASSWORD

LOGIN = "/api/v1/auth/login"
WRONG = "a wrong guess"


def guess(email, client=None, *, password=WRONG, address="198.51.100.1", transport="bearer"):
    return (client or Client()).post(
        LOGIN,
        {"email": email, "password": password, "transport": transport},
        content_type="application/json",
        REMOTE_ADDR=address,
    )


def log_in(email, client=None, **kwargs):
    return guess(email, client, password=PASSWORD, **kwargs)


def fail(rule, who, times=None):
    """Count failures as that many attempts would, without their work on passwords; by default all that are granted."""
    for _ in range(rule.free if times is None else times):
        _reserve([(rule, who)])


def counters(world):
    """Every counter: its key and its value."""
    with world.redis() as redis:
        return {key.decode(): redis.get(key) for key in redis.keys("cache:*:throttle:*")}


def pass_seconds(world, seconds):
    """Let every counter in Redis grow older."""
    with world.redis() as redis:
        for key in counters(world):
            left = redis.pttl(key) - seconds * 1000
            if left > 0:
                redis.pexpire(key, left)
            else:
                redis.delete(key)
