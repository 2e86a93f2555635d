"""The web application with the tests' addresses, which can hold an answer back after its change is committed."""

from typing import Any

from django.conf import settings

from exchanger.wsgi import application as platform
from web.tests.idempotency_app import WAIT_HEADER, hold

settings.ROOT_URLCONF = "web.tests.idempotency_app"
_VARIABLE = "HTTP_" + WAIT_HEADER.upper().replace("-", "_")


def application(environ: dict[str, Any], start_response: Any) -> Any:
    answer = platform(environ, start_response)
    if environ.get(_VARIABLE) == "answer":
        hold()
    return answer
