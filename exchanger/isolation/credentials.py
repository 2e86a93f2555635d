"""Who logs in where, and the passwords that the environment carries for creating and trying the logins."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from exchanger.environment import Environment
from exchanger.kernel.contexts import BACKUP_ROLE, OWNER_ROLE, SPECS, Context


@dataclass(frozen=True, slots=True)
class Credentials:
    """Passwords by PostgreSQL role and by Redis user (a context's name)."""

    roles: dict[str, str]
    redis: dict[str, str]


def password_variable(role: str) -> str:
    """``exchanger_web`` → ``EXCHANGER_WEB_PASSWORD``."""
    return f"{role.upper()}_PASSWORD"


def redis_password_variable(context: Context) -> str:
    return f"EXCHANGER_REDIS_{context.upper()}_PASSWORD"


def login_roles() -> list[str]:
    """Every PostgreSQL role that logs in: the owner, one a context, and the backup's."""
    return [OWNER_ROLE, *(spec.role for spec in SPECS.values()), BACKUP_ROLE]


def read_credentials(env: Environment) -> Credentials:
    """All passwords, from the environment.

    Raises:
        WrongEnvironment: one is missing.
    """
    remedy = "set it to the password of this login (a long random string)"
    return Credentials(
        roles={role: env.required(password_variable(role), remedy) for role in login_roles()},
        redis={context: env.required(redis_password_variable(context), remedy) for context in Context},
    )


def with_login(url: str, user: str, password: str, database: str | None = None) -> str:
    """``url`` (PostgreSQL or Redis) with another login, and another database where one is given."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@"
    path = parts.path if database is None else f"/{database}"
    return urlunsplit((parts.scheme, login + host, path, parts.query, parts.fragment))
