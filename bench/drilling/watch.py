"""What a request did inside the process, told in headers: SQL statements, and commands that Redis did not answer."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from bench.drilling.headers import STATEMENTS, UNANSWERED
from exchanger.kernel.cache.access import OUTAGES

_request = threading.local()


class WatchedClient(import_string(settings.DRILL_REDIS_CLIENT)):  # type: ignore[misc]
    """The application's own client; it counts the commands that nobody answered."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)
        except OUTAGES:
            _request.unanswered += 1
            raise


class Watch:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _request.unanswered = statements = 0

        def count(execute: Callable[..., Any], *args: Any) -> Any:
            nonlocal statements
            statements += 1
            return execute(*args)

        with ExitStack() as stack:
            for alias in ("identity", "web"):
                stack.enter_context(connections[alias].execute_wrapper(count))
            response = self.get_response(request)
        response[STATEMENTS] = str(statements)
        response[UNANSWERED] = str(_request.unanswered)
        return response
