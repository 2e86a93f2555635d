"""The environment, typed. A missing or wrong variable ends the start with one line that says what to set."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError
from redis.connection import parse_url

from exchanger.kernel.contexts import OWNER_ROLE, SPECS, Context

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REMEDIES = {
    "bool": "set it to true or false",
    "int": "set it to a whole number",
    "float": "set it to a number, like 0.25",
}


class WrongEnvironment(ImproperlyConfigured):
    """A variable is missing or cannot be used. The message is one line: its name and what to set."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn into one line on standard error: WrongEnvironment with exit status 78 (EX_CONFIG), and Ctrl-C with 130."""
    try:
        yield
    except WrongEnvironment as error:
        print(f"exchanger: {error}", file=sys.stderr)
        sys.exit(78)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again, it would cut short what stops the servers
        print("exchanger: interrupted", file=sys.stderr)
        sys.exit(130)


class Environment:
    """Typed reads of the process's environment; every failure is a WrongEnvironment that names the variable."""

    def __init__(self) -> None:
        self._env = Env()
        self.context = self._context()

    def text(self, name: str, default: str = "") -> str:
        return str(self._read("str", name, default))

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of ``allowed``."""
        value = self.text(name, default)
        if value not in allowed:
            raise WrongEnvironment(f"{name} is {value!r}: set it to one of {', '.join(allowed)}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self._read("bool", name, default))

    def number(self, name: str, default: int) -> int:
        return int(self._read("int", name, default))

    def seconds(self, name: str, default: float) -> float:
        return float(self._read("float", name, default))

    def rate(self, name: str, default: float) -> float:
        """So much a second, more than none."""
        value = float(self._read("float", name, default))
        if value <= 0:
            raise WrongEnvironment(f"{name} is {value:g}: set it to a number above 0")
        return value

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
        return dict(_parsed(name, url, {"postgres", "postgresql"}, dj_database_url.parse, example))

    def redis_url(self, name: str = "REDIS_URL") -> str:
        """The URL of Redis with the context's own user."""
        example = f"redis://{self.context}:PASSWORD@HOST:6379/0"
        url = self.required(name, f"set it like {example}")
        _parsed(name, url, {"redis", "rediss", "unix"}, parse_url, example)
        return url

    def old_redis_url(self, name: str = "EXCHANGER_LEGACY_REDIS_URL") -> str:
        """The URL of the older platform's Redis; empty where it is not set."""
        url = self.text(name)
        if url:
            _parsed(name, url, {"redis", "rediss", "unix"}, parse_url, "redis://reader:PASSWORD@HOST:6379/0")
        return url

    def http_url(self, name: str) -> str:
        """The address of another process, such as one of the platform's own."""
        example = "http://telegram:8000"
        url = self.required(name, f"set it to the address at which this process reaches it, like {example}")
        return str(_parsed(name, url, {"http", "https"}, str, example))

    def _context(self) -> Context | None:
        value = self.text("EXCHANGER_CONTEXT")
        if not value:
            return None
        try:
            return Context(value)
        except ValueError:
            raise WrongEnvironment(
                f"EXCHANGER_CONTEXT is {value!r}: set it to web, admin or telegram, or leave it out for maintenance"
            ) from None

    def _read(self, kind: str, name: str, default: Any) -> Any:
        if not self._env.str(name, ""):
            return default  # "NAME=" in a file of variables means that it is left out
        try:
            return getattr(self._env, kind)(name)
        except EnvError:
            raise WrongEnvironment(f"{name} is {self._env.str(name)!r}: {_REMEDIES[kind]}") from None


def _parsed(name: str, url: str, schemes: set[str], parse: Callable[[str], Any], example: str) -> Any:
    """What ``parse`` makes of a URL; an error does not repeat the URL, which holds a password."""
    try:
        if urlsplit(url).scheme in schemes:
            return parse(url)
        reason = f"does not begin with {' or '.join(f'{scheme}://' for scheme in sorted(schemes))}"
    except ValueError:
        reason = "is not a URL that can be read (special characters of a password must be percent-encoded)"
    raise WrongEnvironment(f"{name} {reason}: set it like {example}")


def database_variable(alias: str) -> str:
    """The variable that carries an alias's URL: ``web`` → ``WEB_DATABASE_URL``."""
    return f"{alias.upper()}_DATABASE_URL"
