"""Redis is reached as the context's own user, with literal keys, JSON values and short waits."""

from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.cache import caches
from django.core.checks import CheckMessage, register

from exchanger.checks.findings import TAG, error, warning
from exchanger.kernel.contexts import Context, current_or_none

KEY_FUNCTION = "exchanger.kernel.cache.keys.literal_key"
REVERSE_KEY_FUNCTION = "exchanger.kernel.cache.keys.reverse_key"
SERIALIZER = "exchanger.kernel.cache.codec.JSONSerializer"
LONGEST_TIMEOUT = 2  # seconds


@register(TAG)
def redis_logins(**kwargs: Any) -> list[CheckMessage]:
    context = current_or_none()
    if context is None:
        return []
    return [message for values in caches.settings.values() for message in _login(_url(values), context)]


@register(TAG)
def redis_values_and_keys(**kwargs: Any) -> list[CheckMessage]:
    if current_or_none() is None:
        return []
    remedy = "Leave CACHES to exchanger/wiring.py."
    messages: list[CheckMessage] = []
    for alias, values in caches.settings.items():
        options = values.get("OPTIONS", {})
        if options.get("SERIALIZER") != SERIALIZER:
            messages.append(error(22, f"The cache '{alias}' does not store JSON: pickled values run as code.", remedy))
        if values.get("KEY_FUNCTION") != KEY_FUNCTION or values.get("REVERSE_KEY_FUNCTION") != REVERSE_KEY_FUNCTION:
            messages.append(
                error(23, f"The cache '{alias}' has other key functions: its keys would not be the context's.", remedy)
            )
        if options.get("IGNORE_EXCEPTIONS"):
            messages.append(
                error(24, f"The cache '{alias}' ignores errors: a refused command would pass for a miss.", remedy)
            )
    return messages


@register(TAG)
def redis_timeouts(**kwargs: Any) -> list[CheckMessage]:
    if current_or_none() is None:
        return []
    return [message for values in caches.settings.values() for message in _timeout(values.get("OPTIONS", {}))]


def _url(values: dict[str, Any]) -> SplitResult:
    location = values.get("LOCATION", "")
    return urlsplit(location if isinstance(location, str) else location[0])


def _login(url: SplitResult, context: Context) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    user = unquote(url.username or "")
    if user != context:
        messages.append(
            error(
                20,
                f"REDIS_URL logs a '{context}' process in as '{user or 'default'}'.",
                f"Let it log in as '{context}': redis://{context}:PASSWORD@HOST:6379/0",
            )
        )
    if not url.password:
        messages.append(
            error(
                21,
                "REDIS_URL has no password.",
                f"Put the password of the user '{context}' in it: redis://{context}:PASSWORD@HOST:6379/0",
            )
        )
    return messages


def _timeout(options: dict[str, Any]) -> list[CheckMessage]:
    # redis-py waits for ever without one, and a socket with 0 does not wait at all.
    waits = [options.get(name) or 0 for name in ("SOCKET_TIMEOUT", "SOCKET_CONNECT_TIMEOUT")]
    if min(waits) <= 0:
        return [
            error(
                25,
                "Redis is waited for without end, or not at all.",
                "Set REDIS_TIMEOUT to the seconds to wait for an answer, like 0.25.",
            )
        ]
    if max(waits) > LONGEST_TIMEOUT:
        return [
            warning(
                20,
                f"Each request waits up to {max(waits)} seconds for a frozen Redis.",
                f"Set REDIS_TIMEOUT to no more than {LONGEST_TIMEOUT}; PostgreSQL answers in its place.",
            )
        ]
    return []
