"""What the tests of throttling share: guesses, the passing of time, and how often a password was really looked at."""

import os
import signal
import threading
from contextlib import contextmanager

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connections
from django.test import Client

from identity.services.throttling import _reserve
from identity.tests.factories import PASSWORD

LOGIN = "/api/v1/auth/login"
WRONG = "a wrong guess"


@pytest.fixture
def looks(monkeypatch):
    """Counts the work on passwords: of those that are verified, and of what an unknown address costs."""
    count = []
    for name in ("verify", "encode"):
        real = getattr(Argon2PasswordHasher, name)
        monkeypatch.setattr(Argon2PasswordHasher, name, _counted(real, count))
    return count


def _counted(real, count):
    def wrapper(self, *args, **kwargs):
        count.append(1)
        return real(self, *args, **kwargs)

    return wrapper


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


def in_parallel(calls):
    """Run the calls in threads that begin together; their results, in no order."""
    results, barrier = [], threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            results.append(call())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


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


@contextmanager
def frozen(world):
    """Redis accepts and never answers."""
    pid = world.valkey.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
