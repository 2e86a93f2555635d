"""Every error reaches the user in one shape, ``{"code", "message", "details"}``; the message says what to do."""

import logging
import sys
from typing import Any

from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.csrf import csrf_failure as django_csrf_failure
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from exchanger.kernel.refusals import Refused

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
UNAVAILABLE = "A server that this needs is not reachable: try again in a few seconds."
JSON_PREFIXES = ("/api/", "/healthz", "/readyz", "/metrics")


def body(code: str, message: str, details: Any = None) -> dict[str, Any]:
    return {"code": code, "message": message, "details": details if details is not None else {}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler for every API view; None lets an unexpected error become a plain 500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is no such thing here, or it is not yours to see.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, OperationalError | InterfaceError):
        logger.error("A database did not answer: %s", error)
        set_rollback()
        return Response(body("unavailable", UNAVAILABLE), status.HTTP_503_SERVICE_UNAVAILABLE, headers=_RETRY)
    elif isinstance(error, Refused):
        set_rollback()
        wait = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return Response(body(error.code, error.message, error.details), error.status, headers=wait)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    return Response(_describe(error), error.status_code, headers=_headers(error))


def _describe(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return body("invalid", "Some fields need another value: see details.", error.detail)
    wait = getattr(error, "wait", None)
    details = {"retry_after": int(wait)} if wait else {}
    code = error.get_codes()
    return body(code if isinstance(code, str) else error.default_code, str(error.detail), details)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _json(request: HttpRequest, status_code: int, code: str, message: str) -> JsonResponse | None:
    if not request.path.startswith(JSON_PREFIXES):
        return None
    return JsonResponse(body(code, message), status=status_code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, SessionInterrupted):
        answer = _json(request, 400, "session_ended", "Your session was ended meanwhile: log in and try again.")
    else:
        answer = _json(request, 400, "bad_request", "The request cannot be understood: check its address and headers.")
    return answer or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer = _json(request, 403, "permission_denied", "You may not do this: ask an administrator for the permission.")
    return answer or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer = _json(request, 404, "not_found", "There is nothing at this address: see /api/docs/ for what there is.")
    return answer or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """A 500, or a 503 where it is a database that did not answer, be it to the view or to the session before it."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        if request.path.startswith(JSON_PREFIXES):
            return JsonResponse(body("unavailable", UNAVAILABLE), status=503, headers=_RETRY)
        return HttpResponse(UNAVAILABLE, "text/plain", 503, headers=_RETRY)
    answer = _json(request, 500, "error", "Something went wrong on our side: it has been logged, try again later.")
    return answer or defaults.server_error(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    answer = _json(request, 403, "csrf_failed", "The CSRF token is missing or wrong: reload the page and try again.")
    return answer or django_csrf_failure(request, reason)
