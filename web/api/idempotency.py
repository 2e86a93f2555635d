"""The header Idempotency-Key, which every POST that moves money takes."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanger.kernel.schema import refuses
from identity.api.requests import person_id
from web.services.idempotency import (
    ALIAS,
    Answer,
    Claim,
    KeyConflict,
    KeyInFlight,
    fingerprint,
    idempotency_claim,
    idempotency_store,
)

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
RETRY_SECONDS = 1
_SYNTAX = re.compile(r"[!-~]{1,255}")

Handler = Callable[..., Any]
PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    required=True,
    pattern=f"^{_SYNTAX.pattern}$",
    description=(
        "A value of your own for this request. The same request with the same value gets the first answer again, for "
        f"a day, with the header {REPLAYED_HEADER}: true, and changes nothing. Another request with it gets 409 "
        "idempotency_conflict; while the first is running, 409 in_flight."
    ),
)


class KeyRequired(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "idempotency_key_required"
    default_detail = f"Send the header {HEADER} with a value of your own, another for each new request, such as a UUID."


class KeyMalformed(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "idempotency_key_invalid"
    default_detail = f"{HEADER} must be 1 to 255 visible ASCII characters, without spaces."


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "idempotency_conflict"
    default_detail = f"This {HEADER} was used for another request: send a new one with a new request."


class InFlight(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "in_flight"
    default_detail = f"A request with this {HEADER} is still running: repeat it in a moment for its answer."
    wait = RETRY_SECONDS


def idempotent(handler: Handler) -> Handler:
    """Make a view's handler run once per person and key, in one transaction of the web database with its answer.

    A success (2xx) is kept for a day and given again to the same request, byte for byte. Nothing else is kept: a
    refusal, whether returned or raised, rolls everything back, so the key is as good as new.
    """

    @extend_schema(parameters=[PARAMETER])
    @refuses(KeyRequired, KeyMalformed, Conflict, InFlight)
    @wraps(handler)
    def once(view: APIView, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        claim = _claim(request)
        try:
            with transaction.atomic(using=ALIAS, durable=True):
                known = idempotency_claim(claim=claim)
                if known is not None:
                    return _response(known, replayed=True)
                response: Response = handler(view, request, *args, **kwargs)
                if not status.is_success(response.status_code):
                    transaction.set_rollback(True, using=ALIAS)
                    return response
                answer = _answer(view, request, response)
                idempotency_store(claim=claim, answer=answer)
        except KeyInFlight:
            raise InFlight from None
        except KeyConflict:
            raise Conflict from None
        return _response(answer, replayed=False)

    return once


def _claim(request: Request) -> Claim:
    key: str | None = request.headers.get(HEADER)
    if not key:
        raise KeyRequired
    if not _SYNTAX.fullmatch(key):
        raise KeyMalformed
    asked = fingerprint(method=request.method or "", path=request.get_full_path(), body=request._request.body)
    return Claim(person_id(request), key, asked)


def _answer(view: APIView, request: Request, response: Response) -> Answer:
    """The bytes that the view's renderer makes: what is sent now is what is sent again."""
    renderer, media_type = request.accepted_renderer, request.accepted_media_type
    body: bytes = renderer.render(response.data, media_type, view.get_renderer_context())  # type: ignore[assignment]
    headers = {**response.headers, "Content-Type": renderer.media_type}
    return Answer(response.status_code, headers, body)


def _response(answer: Answer, *, replayed: bool) -> HttpResponse:
    headers = {**answer.headers, REPLAYED_HEADER: "true"} if replayed else answer.headers
    return HttpResponse(answer.body, status=answer.status, headers=headers)
