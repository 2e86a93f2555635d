"""The settings that hold the contexts apart are still what exchanger/settings.py makes of them."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register

from exchanger.checks.findings import TAG, error
from exchanger.kernel.contexts import Context, current_or_none, current_spec

SESSION_MIDDLEWARE = "identity.middleware.SessionMiddleware"
DJANGO_SESSION_MIDDLEWARE = "django.contrib.sessions.middleware.SessionMiddleware"
_REMEDY = "Set it back as in exchanger/settings.py: {}."


@register(TAG)
def everywhere(**kwargs: Any) -> list[CheckMessage]:
    """What no process may differ in."""
    return _differing(
        {
            "DATABASE_ROUTERS": (50, ["exchanger.kernel.router.Router"], "a query could reach another database"),
            "SESSION_ENGINE": (51, "identity.sessions", "sessions would not be bound to their context"),
            "AUTH_USER_MODEL": (52, "identity.User", "nobody could log in"),
            "AUTHENTICATION_BACKENDS": (
                53,
                ["identity.backends.IdentityBackend"],
                "permissions of another context could count",
            ),
            "USE_TZ": (54, True, "times without a zone end sessions and rates at the wrong moment"),
        }
    )


@register(TAG)
def of_the_context(**kwargs: Any) -> list[CheckMessage]:
    """What follows from the process's context."""
    context = current_or_none()
    if context is None:
        return []
    spec = current_spec()
    return _differing(
        {
            "SESSION_COOKIE_NAME": (60, f"exchanger_{context}_session", "another application's cookie would be read"),
            "CSRF_COOKIE_NAME": (61, f"exchanger_{context}_csrf", "another application's cookie would be read"),
            "SESSION_COOKIE_DOMAIN": (62, None, "the cookie would be sent to the other applications' hosts"),
            "CSRF_COOKIE_DOMAIN": (63, None, "the cookie would be sent to the other applications' hosts"),
            "SESSION_COOKIE_HTTPONLY": (64, True, "a script in the page could read the session's key"),
            "SESSION_COOKIE_SAMESITE": (
                65,
                "Strict" if context is Context.ADMIN else "Lax",
                "another site could act in the visitor's name",
            ),
            "ROOT_URLCONF": (66, spec.urlconf, "another application's pages would be served"),
            "PROCRASTINATE_DATABASE_ALIAS": (67, spec.alias, "jobs would go to another application's queue"),
        }
    )


@register(TAG)
def session_middleware(**kwargs: Any) -> list[CheckMessage]:
    if SESSION_MIDDLEWARE in settings.MIDDLEWARE and DJANGO_SESSION_MIDDLEWARE not in settings.MIDDLEWARE:
        return []
    return [
        error(
            55,
            f"MIDDLEWARE must have {SESSION_MIDDLEWARE}, and not Django's own, which knows no bearer keys.",
            "Set it back as in exchanger/settings.py.",
        )
    ]


@register(TAG)
def password_hashers(**kwargs: Any) -> list[CheckMessage]:
    weak = [hasher for hasher in settings.PASSWORD_HASHERS if "MD5" in hasher or "Unsalted" in hasher]
    if not weak:
        return []
    return [
        error(
            56,
            f"PASSWORD_HASHERS has {weak[0]}, which makes a stolen table readable.",
            "Leave PASSWORD_HASHERS to exchanger/settings.py: Argon2, and PBKDF2 to read what is older.",
        )
    ]


def _differing(expected: dict[str, tuple[int, Any, str]]) -> list[CheckMessage]:
    """An error for each setting that has another value than the expected one."""
    return [
        error(number, f"{name} is {getattr(settings, name)!r}: {why}.", _REMEDY.format(repr(value)))
        for name, (number, value, why) in expected.items()
        if getattr(settings, name) != value
    ]
