"""The servers under attack: where they are and every password, from the environment."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import redis

from exchanger.environment import Environment, database_variable
from exchanger.isolation.credentials import Credentials, read_credentials, with_login
from exchanger.kernel.contexts import ALIASES, OWNER_ROLE, database_name

CONNECT_TIMEOUT = 5  # seconds


@dataclass(frozen=True, slots=True)
class Deployment:
    """``urls`` by alias, and ``redis_url``; of both only the place counts, the login is replaced."""

    urls: dict[str, str]
    redis_url: str
    credentials: Credentials

    @classmethod
    def from_environment(cls, env: Environment) -> "Deployment":
        """Read ``*_DATABASE_URL``, ``REDIS_URL`` and the passwords.

        Raises:
            WrongEnvironment: one is missing.
        """
        credentials = read_credentials(env)
        remedy = "set it to the database's postgresql:// URL; any login in it is replaced"
        urls = {alias: env.required(database_variable(alias), remedy) for alias in ALIASES}
        return cls(urls, env.redis_url(), credentials)

    def connect(
        self, alias: str, role: str, *, database: str | None = None, password: str | None = None
    ) -> psycopg.Connection:
        """A connection in autocommit to the alias's server, by default to the alias's database with the real password.

        Raises:
            psycopg.OperationalError: refused, or not reachable.
        """
        secret = self.credentials.roles[role] if password is None else password
        return psycopg.connect(
            with_login(self.urls[alias], role, secret, database or database_name(alias)),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            passfile=f"{os.devnull}/none",  # else libpq would find a password there when none is given
            prepare_threshold=None,
        )

    def owner(self, alias: str) -> psycopg.Connection:
        return self.connect(alias, OWNER_ROLE)

    def redis(self, user: str | None, password: str | None = None) -> redis.Redis:
        """A client, not connected yet, as a Redis user; None does not log in."""
        if user is None:
            parts = urlsplit(self.redis_url)
            place = parts.netloc.rpartition("@")[2]
            url = f"{parts.scheme}://{place}{parts.path}?{parts.query}"
        else:
            url = with_login(self.redis_url, user, self.credentials.redis[user] if password is None else password)
        return redis.Redis.from_url(
            url, driver_info=None, protocol=2, socket_timeout=CONNECT_TIMEOUT, socket_connect_timeout=CONNECT_TIMEOUT
        )
