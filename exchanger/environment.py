"""The environment, typed. A missing or wrong variable ends the start with one line that says what to set."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

from exchanger.kernel.contexts import OWNER_ROLE, SPECS, Context


class WrongEnvironment(ImproperlyConfigured):
    """A variable is missing or cannot be used. The message is one line: its name and what to set."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn WrongEnvironment into one line on standard error and exit status 78 (EX_CONFIG)."""
    try:
        yield
    except WrongEnvironment as error:
        print(f"exchanger: {error}", file=sys.stderr)
        sys.exit(78)


class Environment:
    """Typed reads of the process's environment; every failure is a WrongEnvironment that names the variable."""

    def __init__(self) -> None:
        self._env = Env()
        self.context = self._context()

    def text(self, name: str, default: str = "") -> str:
        return str(self._read("str", name, default))

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self._read("bool", name, default))

    def number(self, name: str, default: int) -> int:
        return int(self._read("int", name, default))

    def seconds(self, name: str, default: float) -> float:
        return float(self._read("float", name, default))

    def names(self, name: str, default: list[str] | None = None) -> list[str]:
        return list(self._read("list", name, default or []))

    def required(self, name: str, remedy: str) -> str:
        """The value of a variable that a context's process cannot do without."""
        value = self.text(name)
        if not value:
            raise WrongEnvironment(f"{name} is not set: {remedy}")
        return value

    def database(self, alias: str) -> dict[str, Any] | None:
        """Django's settings of the database behind ``{ALIAS}_DATABASE_URL``, or None where it is not set."""
        name = database_variable(alias)
        url = self.text(name)
        if not url:
            return None
        role = SPECS[self.context].role if self.context else OWNER_ROLE
        example = f"postgresql://{role}:PASSWORD@HOST:5432/exchanger_{alias}"
        if urlsplit(url).scheme not in {"postgres", "postgresql"}:
            raise WrongEnvironment(f"{name} is not a PostgreSQL URL: set it like {example}")
        try:
            return dict(dj_database_url.parse(url))
        except ValueError as error:
            raise WrongEnvironment(f"{name} cannot be read ({error}): set it like {example}") from None

    def redis_url(self, name: str = "REDIS_URL") -> str:
        """The URL of Redis with the context's own user."""
        example = f"redis://{self.context}:PASSWORD@HOST:6379/0"
        url = self.required(name, f"set it like {example}")
        if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
            raise WrongEnvironment(f"{name} is not a Redis URL: set it like {example}")
        return url

    def _context(self) -> Context | None:
        value = self.text("EXCHANGER_CONTEXT")
        if not value:
            return None
        try:
            return Context(value)
        except ValueError:
            raise WrongEnvironment(
                f"EXCHANGER_CONTEXT is '{value}': set it to web, admin or telegram, or leave it out for maintenance"
            ) from None

    def _read(self, kind: str, name: str, default: Any) -> Any:
        try:
            return getattr(self._env, kind)(name, default)
        except EnvError as error:
            reason = str(error).splitlines()[0]
            raise WrongEnvironment(f"{name} cannot be read: {reason}") from None


def database_variable(alias: str) -> str:
    """The variable that carries an alias's URL: ``web`` → ``WEB_DATABASE_URL``."""
    return f"{alias.upper()}_DATABASE_URL"
