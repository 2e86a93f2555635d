"""What a context's process never serves with: debug pages for the world, or a key that others know."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register

from exchanger.checks.endpoints import is_local
from exchanger.checks.findings import TAG, error
from exchanger.kernel.contexts import Context, current_or_none

PLACEHOLDERS = ("change-me", "changeme", "django-insecure")
SHORTEST_SECRET = 50  # characters
SHORTEST_TOKEN = 32
GENERATED = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(50))"'


@register(TAG)
def no_debug(**kwargs: Any) -> list[CheckMessage]:
    if current_or_none() is None or not settings.DEBUG or is_local():
        return []
    return [
        error(
            30,
            "DEBUG is on, and the databases are not on this machine: an error page shows settings to strangers.",
            "Leave DEBUG out.",
        )
    ]


@register(TAG)
def factor_secrets(**kwargs: Any) -> list[CheckMessage]:
    if all(len(secret) >= SHORTEST_SECRET for secret in settings.OPERATORS_FACTOR_SECRETS):
        return []
    return [error(33, f"OPERATORS_FACTOR_SECRET has a part of fewer than {SHORTEST_SECRET} characters.", GENERATED)]


@register(TAG)
def shared_secrets(**kwargs: Any) -> list[CheckMessage]:
    """What web and telegram sign for one another: whoever works a short one out from a signature speaks for them."""
    if current_or_none() not in (Context.WEB, Context.TELEGRAM):
        return []
    shared = ((35, "ACTING_SECRET", settings.ACTING_SECRET), (36, "EVENTS_SECRET", settings.EVENTS_SECRET))
    return [
        error(number, f"{name} has fewer than {SHORTEST_SECRET} characters.", GENERATED)
        for number, name, secret in shared
        if len(secret) < SHORTEST_SECRET
    ]


@register(TAG)
def metrics_token(**kwargs: Any) -> list[CheckMessage]:
    # Nobody counts who guesses at it: a scrape must not ask Redis.
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= SHORTEST_TOKEN:
        return []
    return [error(34, f"METRICS_TOKEN has fewer than {SHORTEST_TOKEN} characters.", GENERATED)]


@register(TAG)
def webhook_secret(**kwargs: Any) -> list[CheckMessage]:
    """Whoever guesses it speaks to the bot as any linked client; Telegram allows no other characters."""
    secret = settings.TELEGRAM_WEBHOOK_SECRET
    if not secret or re.fullmatch(f"[A-Za-z0-9_-]{{{SHORTEST_TOKEN},256}}", secret):
        return []
    wanted = f"{SHORTEST_TOKEN} to 256 characters of A-Z a-z 0-9 _ -"
    return [error(37, f"TELEGRAM_WEBHOOK_SECRET is not {wanted}.", GENERATED)]


@register(TAG)
def secret_key(**kwargs: Any) -> list[CheckMessage]:
    if current_or_none() is None:
        return []
    key = settings.SECRET_KEY
    if any(placeholder in key for placeholder in PLACEHOLDERS):
        return [error(31, "SECRET_KEY is a placeholder that everybody knows.", GENERATED)]
    if len(key) < SHORTEST_SECRET:
        return [error(32, f"SECRET_KEY has {len(key)} characters, fewer than {SHORTEST_SECRET}.", GENERATED)]
    return []
