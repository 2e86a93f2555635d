"""What ``check --deploy`` asks of a context's process that serves the world, and not of a local run.

Django's own deployment checks look for its own session middleware, so they are silent about this project's cookies.
"""

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, register

from exchanger.checks.endpoints import is_local
from exchanger.checks.findings import TAG, error, warning
from exchanger.kernel.contexts import current_or_none

SMTP = "django.core.mail.backends.smtp.EmailBackend"
UNSENT = ("console", "dummy", "filebased", "locmem")  # Django's mail backends that send nothing


@register(TAG, deploy=True)
def cookies_over_tls(**kwargs: Any) -> list[CheckMessage]:
    if not _serves_the_world() or (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        return []
    return [
        error(40, "Cookies are sent over plain HTTP, where anybody on the way reads them.", "Set SECURE_COOKIES=true.")
    ]


@register(TAG, deploy=True)
def hosts_named(**kwargs: Any) -> list[CheckMessage]:
    if not _serves_the_world() or "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        error(
            41,
            "ALLOWED_HOSTS has '*': whoever sends the request chooses the host of the links it gets back.",
            "List this process's own host names.",
        )
    ]


@register(TAG, deploy=True)
def browsers_kept_to_tls(**kwargs: Any) -> list[CheckMessage]:
    if not _serves_the_world():
        return []
    knows_tls = bool(settings.SECURE_PROXY_SSL_HEADER) or bool(os.environ.get("GRANIAN_SSL_CERTIFICATE"))
    messages: list[CheckMessage] = []
    if settings.SECURE_HSTS_SECONDS <= 0:
        messages.append(
            warning(
                40,
                "Browsers are not told to stay with HTTPS (HSTS is off).",
                "Leave SECURE_HSTS_SECONDS out (a year), or set it to the seconds that they should.",
            )
        )
    if not settings.SECURE_SSL_REDIRECT:
        messages.append(
            warning(41, "Plain HTTP is answered instead of redirected to HTTPS.", "Set SECURE_SSL_REDIRECT=true.")
        )
    elif not knows_tls:
        messages.append(
            warning(
                42,
                "Plain HTTP is redirected, and nothing tells what came by HTTPS: behind a TLS proxy that is a loop.",
                "Set BEHIND_TLS_PROXY=true if a proxy ends TLS and sets X-Forwarded-Proto itself, "
                "or GRANIAN_SSL_CERTIFICATE if this process does.",
            )
        )
    return messages


@register(TAG, deploy=True)
def origins_over_tls(**kwargs: Any) -> list[CheckMessage]:
    plain = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if urlsplit(origin).scheme == "http"]
    if not _serves_the_world() or not plain:
        return []
    return [
        warning(
            43,
            f"CSRF_TRUSTED_ORIGINS trusts {', '.join(plain)}, which anybody on the way can speak for.",
            "List https:// origins only.",
        )
    ]


@register(TAG, deploy=True)
def mail_is_sent(**kwargs: Any) -> list[CheckMessage]:
    if not _serves_the_world():
        return []
    if any(f".{kind}." in settings.EMAIL_BACKEND for kind in UNSENT):
        return [
            warning(
                44,
                f"Mail goes nowhere: EMAIL_BACKEND is {settings.EMAIL_BACKEND}.",
                f"Set EMAIL_BACKEND={SMTP} and EMAIL_HOST to the mail server.",
            )
        ]
    if settings.EMAIL_BACKEND == SMTP and settings.EMAIL_HOST == "localhost":
        return [warning(45, "Mail is sent by SMTP, and EMAIL_HOST is not set.", "Set EMAIL_HOST to the mail server.")]
    return []


@register(TAG, deploy=True)
def links_over_tls(**kwargs: Any) -> list[CheckMessage]:
    if not _serves_the_world() or urlsplit(settings.PUBLIC_WEB_URL).scheme == "https":
        return []
    return [
        warning(
            46,
            f"The links of our mails lead to {settings.PUBLIC_WEB_URL}, and carry tokens that set a password.",
            "Set PUBLIC_WEB_URL to the https:// address at which clients reach the web application.",
        )
    ]


def _serves_the_world() -> bool:
    return current_or_none() is not None and not is_local()
