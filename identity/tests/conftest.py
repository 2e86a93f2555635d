from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core import mail
from django.core.mail import EmailMessage

from exchanger.testing.jobs import run_jobs
from exchanger.testing.servers import TestServers
from exchanger.tests.lockstep import Stage


@pytest.fixture(scope="session")
def stage(servers: TestServers) -> Iterator[Stage]:
    """Processes of the three contexts that take one step at a time."""
    stage = Stage(servers)
    yield stage
    stage.close()


@pytest.fixture
def read_mail(_marked_context, settings) -> Callable[[], list[EmailMessage]]:
    """Lets the worker do its jobs, and returns what it has sent since the last time."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    def read() -> list[EmailMessage]:
        mail.outbox.clear()
        run_jobs()
        return list(mail.outbox)

    return read


class CountingHasher(Argon2PasswordHasher):
    """Argon2 that counts how often it has worked; to check a password is to hash it once more."""

    work = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).work += 1
        return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        type(self).work += 1
        return bool(super().verify(password, encoded))

    @classmethod
    def done(cls) -> int:
        """How often since the last time."""
        done, cls.work = cls.work, 0
        return done


@pytest.fixture
def hashes(_marked_context, settings) -> type[CountingHasher]:
    name = f"{CountingHasher.__module__}.{CountingHasher.__qualname__}"
    settings.PASSWORD_HASHERS = [name, *settings.PASSWORD_HASHERS[1:]]
    CountingHasher.done()
    return CountingHasher
