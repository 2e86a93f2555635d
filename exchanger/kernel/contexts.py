"""The one table of contexts: which process serves what, from which databases, as whom.

A process has one context for life, fixed by the variable EXCHANGER_CONTEXT; nobody else spells these names.
A process without one is *maintenance*: it owns the schema and serves nobody.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings


class Context(StrEnum):
    """An application as sessions, permissions and cache keys name it."""

    WEB = "web"
    ADMIN = "admin"
    TELEGRAM = "telegram"


class NoContext(RuntimeError):
    """A maintenance process asked for something that only a context's process has."""

    def __init__(self) -> None:
        super().__init__(
            "This process has no application context: set EXCHANGER_CONTEXT to web, admin or telegram, "
            "or do this from a process that has one."
        )


class ForeignContext(PermissionError):
    """One context asked for what belongs to another."""

    def __init__(self, wanted: str, held: str) -> None:
        super().__init__(f"A process of context '{held}' may not use what belongs to '{wanted}'.")


@dataclass(frozen=True, slots=True)
class ContextSpec:
    """How a context's process is wired.

    ``alias`` is its business database and ``app`` the Django app that owns it; ``aliases`` are all the databases
    it may connect to; ``role`` is its PostgreSQL login; its Redis user is the context's own name; ``port`` is
    where the local run serves it.
    """

    context: Context
    app: str
    alias: str
    aliases: tuple[str, ...]
    role: str
    urlconf: str
    port: int


IDENTITY = "identity"
ALIASES = ("identity", "web", "admin", "bot")
OWNER_ROLE = "exchanger_owner"
BACKUP_ROLE = "exchanger_backup"

SPECS: dict[Context, ContextSpec] = {
    spec.context: spec
    for spec in (
        ContextSpec(Context.WEB, "web", "web", ("identity", "web"), "exchanger_web", "exchanger.urls.web", 8000),
        ContextSpec(Context.ADMIN, "admin_panel", "admin", ALIASES, "exchanger_admin", "exchanger.urls.admin", 8001),
        ContextSpec(
            Context.TELEGRAM, "bot", "bot", ("identity", "bot"), "exchanger_telegram", "exchanger.urls.telegram", 8002
        ),
    )
}

# A model lives where its app lives. Job tables are the exception: each business database has its own set.
APP_ALIAS = {
    "identity": IDENTITY,
    "auth": IDENTITY,
    "contenttypes": IDENTITY,
    **{spec.app: spec.alias for spec in SPECS.values()},
}
JOB_APP = "procrastinate"
JOB_ALIASES = tuple(spec.alias for spec in SPECS.values())


def database_name(alias: str) -> str:
    """The PostgreSQL database behind an alias: ``web`` → ``exchanger_web``."""
    return f"exchanger_{alias}"


def apps_of(alias: str) -> tuple[str, ...]:
    """The app labels whose tables live in ``alias``."""
    apps = tuple(app for app, home in APP_ALIAS.items() if home == alias)
    return (*apps, JOB_APP) if alias in JOB_ALIASES else apps


def current_or_none() -> Context | None:
    """The process's context, or None in maintenance."""
    return settings.EXCHANGER_CONTEXT


def current() -> Context:
    """The process's context.

    Raises:
        NoContext: in a maintenance process.
    """
    context = current_or_none()
    if context is None:
        raise NoContext
    return context


def current_spec() -> ContextSpec:
    """The wiring of the process's context; raises NoContext in maintenance."""
    return SPECS[current()]


def require(wanted: Context) -> None:
    """Let only a process of ``wanted`` pass.

    Raises:
        NoContext: in maintenance.
        ForeignContext: in any other context's process.
    """
    held = current()
    if held is not wanted:
        raise ForeignContext(wanted, held)
